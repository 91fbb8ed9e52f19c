"""Combine what mutagen and FFmpeg read into the tags of a source, by our names."""

import json
import re
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.conversion.ffmpeg.ffmetadata import (
    MAX_CHAPTERS,
    MAX_TITLE,
    Chapter,
    Metadata,
    complete_chapters,
)
from services.conversion.tags import legacy_text
from services.conversion.tags.found_text import (
    FoundTag,
    clean,
    decode_legacy,
    escape_bytes,
    ffmpeg_tag,
)
from services.conversion.tags.names import BROADCAST, BROADCAST_ALIASES, BY_NAME, common_name
from services.conversion.tags.reader_output import MAX_JSON, MAX_NAME, MAX_VALUES

READER = "services.conversion.tags.sandboxed_reader"
"""The module that reads tags in the sandbox."""
MAX_OUTPUT = MAX_JSON + 17 * 1024 * 1024
"""Bytes that the reader may write: the document and a picture."""
_MAX_LOST_NAME, _MAX_COUNT = 40, 10_000
_MAX_TAGS, _MAX_VALUES, _MAX_VALUE = 300, 100, 1024 * 1024
"""Tags of a file, values of a tag, characters of a value: lyrics are the longest."""
_MAX_TEXT = 3 * 1024 * 1024
"""Bytes of all values: a block of a FLAC file has 16 MiB, of which a cover takes up to 12."""
_ORDER = {name: position for position, name in enumerate(BY_NAME)}
_LATEST = 0xFFFFFFFF / 1000
"""Seconds that ID3v2 can express."""
_DATES = frozenset({"date", "original_date"})
_ZERO_IS_NONE = frozenset({"track", "disc", "bpm"})
"""Numbers that iTunes stores as 0 where there is none."""
_ROLES = frozenset({"producer", "engineer", "arranger", "mixer", "dj_mixer"})

_BESIDE_MUTAGEN: Mapping[str, Callable[[str], bool]] = {
    "wav": lambda name: name in BROADCAST or (name in BY_NAME and BY_NAME[name].info),
    "aiff": lambda name: name in ("title", "artist", "author", "comment", "copyright"),
    # FFmpeg calls the advisory of iTunes a rating.
    "mov,mp4,m4a,3gp,3g2,mj2": lambda name: name != "rating",
}
"""Tags that only FFmpeg reads, by container: INFO, text chunks, QuickTime tags."""

Tags = Mapping[str, Sequence[str]]
"""Values by our names (see `names`), or by the file's own names."""


@dataclass(frozen=True)
class SourceTags:
    """Hold the tags and the cover of a source."""

    tags: Tags = field(default_factory=dict)
    lost: Sequence[str] = ()
    """Names of what could not be read or is too much."""
    encoding: str | None = None
    """The name of the encoding that was guessed, for display."""
    picture: bytes | None = None
    picture_kind: int = 3
    """An ID3 picture type; 3 is the front cover."""
    picture_count: int = 0
    chapters: Metadata | None = None
    """Those of ID3v2, if there are some; FFmpeg does not read all of them."""


def parse_output(data: bytes) -> tuple[list[FoundTag], SourceTags]:
    """Parse what the sandboxed reader wrote. Raises ValueError if it is not that."""
    try:
        (size,) = struct.unpack_from(">I", data)
        if size > MAX_JSON:
            raise ValueError("the reader's output is too large")
        document: Any = json.loads(data[4 : 4 + size])
        count = sum(len(tag[3]) for tag in document["tags"])
        if max(count, len(document["tags"])) > MAX_VALUES:
            raise ValueError("the reader's output has too many tags")
        tags = [
            FoundTag(int(reader), str(kind), str(name), [str(v) for v in values], bool(is_legacy))
            for reader, kind, name, values, is_legacy in document["tags"]
        ]
        if any(len(tag.name) > MAX_NAME for tag in tags):
            raise ValueError("the reader's output has a name that is too long")
        found = SourceTags(
            lost=[clean(str(name)[:_MAX_LOST_NAME]) for name in document["lost"][:_MAX_TAGS]],
            picture=bytes(data[4 + size :]) or None,
            picture_kind=int(document["picture_kind"] or 0) & 0xFF,
            picture_count=min(int(document["pictures"]), _MAX_COUNT),
            chapters=_parse_chapters(document) if document.get("chapters") else None,
        )
    except (struct.error, LookupError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError("the reader's output is malformed") from error
    return tags, found


def _parse_chapters(document: Any) -> Metadata:
    """Return the chapters; in titles of unknown encoding, bytes are surrogates (PEP 383)."""
    found = (
        Chapter(int(start) / 1000, int(end) / 1000, _parse_title(str(title), bool(is_legacy)))
        for start, end, title, is_legacy in document["chapters"][:MAX_CHAPTERS]
    )
    return Metadata(
        {},
        complete_chapters(c for c in found if 0 <= c.start <= _LATEST),
        lost_chapters=min(int(document["lost_chapters"]), _MAX_COUNT),
        shortened_titles=min(int(document["shortened_titles"]), _MAX_COUNT),
    )


def _parse_title(title: str, is_legacy: bool) -> str:
    title = title[:MAX_TITLE]
    return escape_bytes(title) if is_legacy and not title.isascii() else clean(title)


def combine(
    output: bytes,
    from_ffmpeg: Mapping[str, str],
    container: str = "",
    lost_by_ffmpeg: Iterable[str] = (),
) -> SourceTags:
    """Return all tags: mutagen's by the order of its readers, and FFmpeg's where it has none.

    Args:
        output: What the sandboxed reader wrote; empty if it failed.
        from_ffmpeg: FFmpeg's tags; bytes that are not UTF-8 are surrogates (PEP 383).
        container: FFmpeg's name of the container.
        lost_by_ffmpeg: Names of FFmpeg's tags that are beyond the limits.
    """
    try:
        tags, found = parse_output(output) if output else ([], SourceTags())
    except ValueError:
        tags, found = [], SourceTags()
    last = 1 + max((tag.reader for tag in tags), default=0)
    if container == "wav" and "time_reference" in from_ffmpeg:
        from_ffmpeg = {BROADCAST_ALIASES.get(name, name): v for name, v in from_ffmpeg.items()}
    if tags:
        # mutagen's tags are preferred. From FFmpeg come only the tags that mutagen does not read in
        # this container.
        is_other = _BESIDE_MUTAGEN.get(container, _is_none)
        from_ffmpeg = {name: value for name, value in from_ffmpeg.items() if is_other(name)}
        lost_by_ffmpeg = [name for name in lost_by_ffmpeg if is_other(name)]
    tags += [ffmpeg_tag(last, name, value) for name, value in from_ffmpeg.items()]
    decoded, chapters, encoding = decode_legacy(tags, found.chapters)
    collected: dict[str, list[str]] = {}
    keys: dict[str, str] = {}
    """Names by their letters in lower case: that of the first tag is kept."""
    readers: dict[str, int] = {}
    lost = [*found.lost, *map(_lost_name, lost_by_ffmpeg)]
    for tag in decoded:
        name, values = _translate(tag)
        key = keys.get(name.lower(), name)
        if not name or not values or readers.get(key, tag.reader) != tag.reader:
            continue
        if key not in collected and len(collected) >= _MAX_TAGS:
            lost.append(name)
            continue
        readers[key], keys[key.lower()] = tag.reader, key
        _extend(key, collected.setdefault(key, []), values, lost)
    collected = {name: values for name, values in collected.items() if values}
    _limit_text(collected, lost)
    label = legacy_text.LABELS[encoding] if encoding not in (None, "utf_8", "cp1252") else None
    return SourceTags(
        _join_totals({name: collected[name] for name in sorted(collected, key=_position)}),
        list(dict.fromkeys(filter(None, lost))),
        label,
        found.picture,
        found.picture_kind,
        found.picture_count,
        chapters,
    )


def _is_none(_name: str) -> bool:
    return False


def _lost_name(name: str) -> str:
    """Return the name for people, or "" for a tag that is not to be kept anyway."""
    printable = re.sub(r"\s+", " ", clean(name))[:_MAX_LOST_NAME]
    return common_name("ffmpeg", printable) if printable.isprintable() else "?"


def _position(name: str) -> int:
    return _ORDER.get(name, len(_ORDER))


def _translate(tag: FoundTag) -> tuple[str, list[str]]:
    """Return our name and the cleaned values."""
    name = common_name(tag.kind, tag.name)
    values = [text for value in tag.values if (text := clean(value))]
    if tag.kind == "role" and name not in _ROLES:
        role = clean(tag.name)
        return "performer", [f"{value} ({role})" if role else value for value in values]
    if name == "compilation":
        values = [value for value in values if value not in ("0", "False", "false")]
    if tag.kind in ("ffmpeg", "mp4") and name in _ZERO_IS_NONE:
        values = [value for value in values if value != "0"]
    return name, values


def _extend(name: str, known: list[str], values: Sequence[str], lost: list[str]) -> None:
    for value in values:
        if value in known or (name in _DATES and any(k.startswith(value) for k in known)):
            continue
        if len(value) > _MAX_VALUE or len(known) >= _MAX_VALUES:
            lost.append(name)
            continue
        if name in _DATES:
            known[:] = [k for k in known if not value.startswith(k)]
        known.append(value)


def _limit_text(tags: dict[str, list[str]], lost: list[str]) -> None:
    """Remove what is beyond the limit for all values together."""
    size = 0
    for name in list(tags):
        size += sum(len(value.encode()) + len(name.encode()) + 16 for value in tags[name])
        if size > _MAX_TEXT:
            del tags[name]
            lost.append(name)


def _join_totals(tags: dict[str, list[str]]) -> Tags:
    """Write the total into the number, as in 3/12."""
    for name in ("track", "disc"):
        total = tags.get(f"{name}_total", [""])[0]
        number = tags.get(name, [""])[0]
        if number and total:
            if "/" not in number:
                tags[name] = [f"{number}/{total}"]
            del tags[f"{name}_total"]
        elif number.startswith("/"):  # a total alone, or nothing
            del tags[name]
            if total := number[1:].strip():
                tags[f"{name}_total"] = [total]
    return tags
