"""Make the `meta` atom that iTunes and all players read, with mutagen."""

import io
import re
from collections.abc import Sequence

from mutagen.mp4 import AtomDataType, MP4Cover, MP4FreeForm, MP4Tags

from services.conversion.tags.cover import Cover
from services.conversion.tags.names import BY_NAME, free_form_name
from services.conversion.tags.source_tags import Tags

_EMPTY_MOVIE = b"\0\0\0\x08moov"
_HEADERS = 16
"""Bytes of the headers of `moov` and `udta`, in which mutagen wraps the atom."""
_FREE_FORM = "----:com.apple.iTunes:"
_NUMBERS = re.compile(r"\s*(\d{1,5})\s*(?:/\s*(\d{1,5})\s*)?")
_BOOLEANS = frozenset({"cpil", "pgap", "pcst"})
_TRUE, _FALSE = frozenset({"1", "true", "yes"}), frozenset({"0", "false", "no"})
_INTEGERS = {
    "tmpo": 65_535,
    "tvsn": 2**31 - 1,
    "tves": 2**31 - 1,
    "stik": 255,
    "hdvd": 255,
    "rtng": 255,
    "©mvi": 65_535,
    "©mvc": 65_535,
    "shwm": 255,
}
"""The highest number that each atom holds."""
_MAX_UINT_16 = 65_535


def render(tags: Tags, cover: Cover | None) -> bytes:
    """Return a `meta` atom with all tags; what has no atom becomes a free-form one."""
    found = MP4Tags()
    for name, values in tags.items():
        field = BY_NAME.get(name)
        atom = field.mp4 if field else ""
        if not atom or not _add(found, atom, list(values)):
            content = [MP4FreeForm(value.encode(), AtomDataType.UTF8) for value in values]
            # mutagen writes names as Latin-1, but the bytes of one are UTF-8.
            found[_FREE_FORM + free_form_name(name).encode().decode("latin-1")] = content
    if cover is not None:
        is_png = cover.media_type == "image/png"
        kind = MP4Cover.FORMAT_PNG if is_png else MP4Cover.FORMAT_JPEG
        found["covr"] = [MP4Cover(cover.data, kind)]
    if not found:
        return b""
    file = io.BytesIO(_EMPTY_MOVIE)
    found.save(file, padding=lambda _info: 0)
    return file.getvalue()[_HEADERS:]


def _add(found: MP4Tags, atom: str, values: list[str]) -> bool:
    """Add an atom; return False if it cannot hold the values as they are."""
    if atom in ("trkn", "disk"):
        match = _NUMBERS.fullmatch(values[0])
        pair = (int(match[1]), int(match[2] or 0)) if match else (_MAX_UINT_16 + 1, 0)
        if max(pair) > _MAX_UINT_16:
            return False
        found[atom] = [pair]
        return len(values) == 1
    if atom in _INTEGERS:
        return _add_integer(found, atom, values)
    if atom in _BOOLEANS:
        found[atom] = values[0].lower() in _TRUE
        return len(values) == 1 and values[0].lower() in _TRUE | _FALSE
    found[atom] = values
    return True


def _add_integer(found: MP4Tags, atom: str, values: Sequence[str]) -> bool:
    """Add a number, rounded; return False if that changes it."""
    try:
        exact = float(values[0])
        number = round(exact)
    except (ValueError, OverflowError):
        return False
    if not 0 <= number <= _INTEGERS[atom]:
        return False
    found[atom] = [number]
    return number == exact and len(values) == 1
