"""Clean file names from clients: keep the name, remove what harms a header, shell or disk."""

import re
import unicodedata

from libs.core.errors import FilenameInvalid

MAX_LENGTH = 255
"""Characters. Most file systems cannot hold longer names."""

MAX_DOWNLOAD_STEM = 120
"""Characters of the name that a download keeps in front of its extension."""

_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


def clean_filename(name: str) -> str:
    """Return the last path component in NFC, without control, bidi and zero-width characters.

    Raises:
        FilenameInvalid: the name is too long, or has no printable character.
    """
    if len(name) > MAX_LENGTH:
        raise FilenameInvalid(
            f"The file name is longer than {MAX_LENGTH} characters. Please shorten it."
        )
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    printable = "".join(c for c in last if unicodedata.category(c)[0] != "C").strip()
    if not printable.strip(". "):
        raise FilenameInvalid("The file needs a name with at least one printable character.")
    return printable


def download_filename(name: str, extension: str) -> str:
    """Return the original's name with another extension, allowed on every operating system."""
    stem = name.rsplit(".", 1)[0] if "." in name.lstrip(".") else name
    safe = re.sub(r'[:";<>|?*\x00-\x1f]', "_", stem).strip(". ")[:MAX_DOWNLOAD_STEM].strip(". ")
    if not safe or _RESERVED.fullmatch(safe):
        safe = f"audio_{safe}".rstrip("_")
    return f"{safe}.{extension}"
