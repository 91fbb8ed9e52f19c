"""Clean file names from clients: keep the name, remove what harms a header, shell or disk."""

import re
import unicodedata

from libs.core.errors import FilenameInvalid

MAX_LENGTH = 255
"""Characters. Most file systems cannot hold longer names."""

MAX_DOWNLOAD_STEM = 120
"""Characters of the name that a download keeps in front of its extension."""

_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?")
"""Device names of Windows, with any extension. Windows treats a superscript digit like a digit."""

_JOINERS = "\u200c\u200d"
"""Zero-width characters that belong to the spelling of Persian, Indic scripts and emoji."""


def clean_filename(name: str) -> str:
    """Return the last path component in NFC, without control, bidi and zero-width characters.

    Joiners are kept between two characters that they can join.

    Raises:
        FilenameInvalid: the name is too long, or has no printable character.
    """
    if len(name) > MAX_LENGTH:
        raise FilenameInvalid(
            f"The file name is longer than {MAX_LENGTH} characters. Please shorten it."
        )
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    kept = "".join(c for c in last if c in _JOINERS or unicodedata.category(c)[0] != "C")
    printable = _without_stray_joiners(unicodedata.normalize("NFC", kept)).strip()
    if not printable.strip(". "):
        raise FilenameInvalid("The file needs a name with at least one printable character.")
    return printable


def download_filename(name: str, extension: str) -> str:
    """Return the original's name with another extension, allowed on every operating system."""
    stem = name.rsplit(".", 1)[0] if "." in name.lstrip(".") else name
    safe = re.sub(r'[:";<>|?*\x00-\x1f]', "_", stem).strip(". ")
    safe = safe[:MAX_DOWNLOAD_STEM].strip(f". {_JOINERS}")
    if not safe or _RESERVED.fullmatch(safe):
        safe = f"audio_{safe}".rstrip("_")
    return f"{safe}.{extension}"


def _without_stray_joiners(text: str) -> str:
    """Remove joiners that join nothing: they would make two names look the same."""
    around = f" {text} "
    return "".join(
        c
        for before, c, after in zip(around[:-2], text, around[2:], strict=True)
        if c not in _JOINERS or (_can_be_joined(before) and _can_be_joined(after))
    )


def _can_be_joined(c: str) -> bool:
    """Return True for letters and marks beyond ASCII, and for symbols, which emoji are."""
    return not c.isascii() and unicodedata.category(c)[0] in "LMS"
