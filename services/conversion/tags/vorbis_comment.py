"""Make Vorbis comments, and the metadata blocks of FLAC that hold comments and pictures."""

import base64
from collections.abc import Iterable, Sequence

from mutagen.flac import Picture

from services.conversion.tags.cover import Cover
from services.conversion.tags.names import BY_NAME
from services.conversion.tags.source_tags import Tags

Comments = Sequence[tuple[str, str]]
COMMENT_BLOCK, PICTURE_BLOCK, PADDING_BLOCK = 4, 6, 1
MAX_BLOCK = 2**24 - 1
_PICTURE = "METADATA_BLOCK_PICTURE"


def comments_of(tags: Tags) -> Comments:
    """Return a comment for each value; names hold printable ASCII without "="."""
    found: list[tuple[str, str]] = []
    for name, values in tags.items():
        field = BY_NAME.get(name)
        key = field.vorbis if field else name.upper()
        key = "".join(c if " " <= c <= "}" and c != "=" else "_" for c in key)
        if name in ("track", "disc"):
            found += _number_and_total(name, key, values)
        else:
            found += [(key, value) for value in values]
    return found


def _number_and_total(name: str, key: str, values: Sequence[str]) -> Comments:
    number, _, total = values[0].partition("/")
    totals = [(BY_NAME[f"{name}_total"].vorbis, total.strip())] if total.strip() else []
    return [(key, number.strip()), *totals, *((key, value) for value in values[1:])]


def picture_block(cover: Cover) -> bytes:
    """Return the content of a PICTURE block (RFC 9639, section 8.8)."""
    picture = Picture()
    picture.type, picture.mime, picture.data = cover.kind, cover.media_type, cover.data
    picture.width, picture.height, picture.depth = cover.width, cover.height, 24
    content: bytes = picture.write()
    return content


def picture_comment(cover: Cover) -> tuple[str, str]:
    """Return the comment that holds a cover in Ogg (https://wiki.xiph.org/VorbisComment)."""
    return _PICTURE, base64.b64encode(picture_block(cover)).decode()


def pack(comments: Iterable[tuple[str, str]]) -> bytes:
    """Return the list of comments, without vendor and count."""
    encoded = [f"{name}={value}".encode() for name, value in comments]
    return b"".join(len(each).to_bytes(4, "little") + each for each in encoded)


def block(kind: int, content: bytes, *, is_last: bool = False) -> bytes:
    """Return a metadata block of FLAC."""
    return bytes([kind | (0x80 if is_last else 0)]) + len(content).to_bytes(3, "big") + content
