"""File names from strangers: kept as people wrote them, without what could harm a header, a shell or a file system."""

import re
import unicodedata

from libs.core.errors import FilenameInvalid

MAX_LENGTH = 255
"""Characters; longer names are refused at the door, as most file systems could not hold them."""

MAX_DOWNLOAD_STEM = 120
"""Characters kept of the stem when a download is named; the extension is always ours."""

_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


def clean_filename(name: str) -> str:
    """The last path component of `name`, NFC, without control, bidi and zero-width characters.

    Raises FilenameInvalid when it is too long or nothing is left of it.
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
    """The name a converted file is saved under: the original's, with the new extension, safe on every system."""
    stem = name.rsplit(".", 1)[0] if "." in name.lstrip(".") else name
    safe = re.sub(r'[:";<>|?*\x00-\x1f]', "_", stem).strip(". ")[:MAX_DOWNLOAD_STEM].strip(". ")
    if not safe or _RESERVED.fullmatch(safe):
        safe = f"audio_{safe}".rstrip("_")
    return f"{safe}.{extension}"
