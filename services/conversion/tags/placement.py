"""Put tags into the memory file of an output that FFmpeg has written.

FFmpeg leaves space of a known size, as padding or as a placeholder, so that nothing after it
moves. The output is FFmpeg's, and FFmpeg may be compromised: every size in it is checked, and
every count. Nothing can stop this code, so whatever is in an output, it must take no longer than
with an honest one.
"""

import functools
import io
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from mutagen import MutagenError
from mutagen.flac import VCFLACDict
from mutagen.ogg import OggPage

from services.conversion.tags import vorbis_comment
from services.conversion.tags.vorbis_comment import COMMENT_BLOCK, PADDING_BLOCK

_PLACEHOLDER = "X"
"""The name of the comment that FFmpeg writes in place of ours. No name is shorter."""
_OGG_OVERHEAD = 1.01
_OGG_SLACK = 256 * 1024
"""Bytes of the pages before and after the comments."""
_OGG_PAGE = 65_025
"""Bytes of a full page, as FFmpeg makes for comments."""
_MAX_OTHER_PAGES = 8
"""Maximum number of further pages: those before the comments, and one that is not full."""
_MAX_HEAD_BLOCKS = 16
"""Blocks of a FLAC file that are read to find the space for tags."""
_FLAC_COMMENTS_KEPT = 1024
"""Bytes for what FFmpeg adds: the channel mask of an unusual layout."""


class NoSpaceForTags(Exception):
    """Indicate an output that does not have the space for its tags."""


class IndexTooSmall(NoSpaceForTags):
    """Indicate an output whose space is too small: what FFmpeg reserved lacks `count` bytes."""

    def __init__(self, count: int) -> None:
        super().__init__(f"the output's index has too little space, by {count} bytes")
        self.count = count


class Placement(Protocol):
    """Put tags into an output of which FFmpeg has written at least the first `size` bytes.

    All but `ChunkAtEnd` change only these bytes. `ChunkAtEnd` also appends to the output, so for it
    FFmpeg must have ended.
    """

    @property
    def size(self) -> int:
        """Return how many bytes at the beginning are read or changed.

        It must cost next to nothing: `MultipartWriter` asks for it each time that FFmpeg reads its
        source, and at each poll of a paused conversion.
        """

    def apply(self, fd: int) -> None:
        """Write the tags. Raises NoSpaceForTags; the file is then of no use."""


@dataclass(frozen=True)
class Id3AtStart:
    """Replace an empty ID3v2 tag."""

    tag: bytes

    @property
    def size(self) -> int:
        return len(self.tag)

    def apply(self, fd: int) -> None:
        head = os.pread(fd, 10, 0)
        size = 0
        for byte in head[6:10]:
            size = size << 7 | byte & 0x7F
        if head[:3] != b"ID3" or 10 + size != len(self.tag):
            raise NoSpaceForTags("the output begins with no tag of the expected size")
        write(fd, self.tag, 0)


@dataclass(frozen=True)
class FlacBlocks:
    """Replace the comments and the padding of a FLAC file by comments, a picture and padding."""

    comments: vorbis_comment.Comments
    picture: bytes

    @functools.cached_property
    def padding(self) -> int:
        """Return the bytes of padding that FFmpeg is to write."""
        size = len(vorbis_comment.pack(self.comments)) + len(self.picture) + _FLAC_COMMENTS_KEPT
        return min(size + 8192, vorbis_comment.MAX_BLOCK)

    @property
    def size(self) -> int:
        return self.padding + 8192

    def apply(self, fd: int) -> None:
        at, blocks = 4, dict[int, tuple[int, int]]()
        for _ in range(_MAX_HEAD_BLOCKS):
            header = os.pread(fd, 4, at)
            if len(header) < 4:
                break
            length = int.from_bytes(header[1:], "big")
            blocks[header[0] & 0x7F] = (at, length)
            at += 4 + length
            if PADDING_BLOCK in blocks:
                break
        if PADDING_BLOCK not in blocks:
            raise NoSpaceForTags("the output has no padding")
        if COMMENT_BLOCK not in blocks:
            raise NoSpaceForTags("the output has no comments")
        start, length = blocks[COMMENT_BLOCK]
        if start + 4 + length != blocks[PADDING_BLOCK][0] or not header[0] & 0x80:
            raise NoSpaceForTags("the output's comments are not followed by padding alone")
        if length > _FLAC_COMMENTS_KEPT or at > self.size:
            raise NoSpaceForTags("the output's comments or its padding are larger than planned")
        comments = self._add_to(os.pread(fd, length, start + 4))
        content = vorbis_comment.block(COMMENT_BLOCK, comments)
        if self.picture:
            content += vorbis_comment.block(vorbis_comment.PICTURE_BLOCK, self.picture)
        padding = at - start - len(content) - 4
        if not 0 <= padding <= vorbis_comment.MAX_BLOCK:
            raise NoSpaceForTags("the output's padding is too small, or too large")
        content += vorbis_comment.block(PADDING_BLOCK, bytes(padding), is_last=True)
        write(fd, content, start)

    def _add_to(self, written: bytes) -> bytes:
        """Return the comments that FFmpeg has written, and ours."""
        try:
            kept = VCFLACDict(io.BytesIO(written), framing=False)
            for name, value in self.comments:
                kept.append((name, value))
            kept.vendor = "ffmpeg"
            content: bytes = kept.write(framing=False)
        except (MutagenError, ValueError, EOFError) as error:
            raise NoSpaceForTags("the output's comments are malformed") from error
        return content


@dataclass(frozen=True)
class OggComments:
    """Replace the placeholder in the comment header of an Ogg file by as many bytes."""

    comments: vorbis_comment.Comments

    @functools.cached_property
    def _length(self) -> int:
        return len(vorbis_comment.pack(self.comments))

    @property
    def placeholder(self) -> Mapping[str, str]:
        """Return the comment that FFmpeg is to write. It has as many bytes as all of ours."""
        return {_PLACEHOLDER: "-" * (self._length - 4 - len(_PLACEHOLDER) - 1)}

    @property
    def size(self) -> int:
        return int(self._length * _OGG_OVERHEAD) + _OGG_SLACK

    def apply(self, fd: int) -> None:
        file = io.BytesIO(os.pread(fd, self.size, 0))
        try:
            pages = [OggPage(file), OggPage(file)]
            while not (pages[-1].complete or len(pages[-1].packets) > 1):
                if len(pages) > _MAX_OTHER_PAGES + self.size // _OGG_PAGE:
                    raise NoSpaceForTags("the output's comments are in too many pages")
                pages.append(OggPage(file))
            written = b"".join(page.packets[0] for page in pages[1:])
            packet = io.BytesIO(self._replace(written))
            for page in pages[1:]:
                page.packets[0] = packet.read(len(page.packets[0]))
                write(fd, page.write(), page.offset or 0)
        except (MutagenError, EOFError, LookupError, ValueError, struct.error) as error:
            raise NoSpaceForTags("the output has no comment header") from error

    def _replace(self, packet: bytes) -> bytes:
        """Replace the placeholder, and count the comments anew."""
        placeholder = vorbis_comment.pack(self.placeholder.items())
        at = packet.find(placeholder)
        if at < 0:
            raise NoSpaceForTags("the output has no placeholder")
        prefix = 8 if packet.startswith(b"OpusTags") else 7
        (vendor,) = struct.unpack_from("<I", packet, prefix)
        count_at = prefix + 4 + vendor
        (count,) = struct.unpack_from("<I", packet, count_at)
        replaced = (
            packet[:at] + vorbis_comment.pack(self.comments) + packet[at + len(placeholder) :]
        )
        new_count = struct.pack("<I", count - 1 + len(self.comments))
        return replaced[:count_at] + new_count + replaced[count_at + 4 :]


@dataclass(frozen=True)
class ChunkAtEnd:
    """Append an ID3v2 tag as a chunk of a RIFF, RF64 or AIFF file."""

    tag: bytes

    @property
    def size(self) -> int:
        return 64

    def apply(self, fd: int) -> None:
        head, end = os.pread(fd, 64, 0), os.fstat(fd).st_size
        is_aiff = head[:4] == b"FORM"
        order = ">" if is_aiff else "<"
        name = b"ID3 " if is_aiff else b"id3 "
        padded = bytes(end % 2) + name + struct.pack(f"{order}I", len(self.tag)) + self.tag
        padded += bytes(len(self.tag) % 2)
        size = end + len(padded) - 8
        if head[:4] == b"RF64" and head[12:16] == b"ds64":
            write(fd, struct.pack("<Q", size), 20)
        elif head[:4] in (b"RIFF", b"FORM") and size <= 0xFFFFFFFF:
            write(fd, struct.pack(f"{order}I", size), 4)
        else:
            raise NoSpaceForTags("the output is not a file of chunks, or too large for another one")
        write(fd, padded, end)


def write(fd: int, content: bytes, at: int) -> None:
    """Write all of the content at a position."""
    written = 0
    while written < len(content):
        written += os.pwrite(fd, content[written:], at + written)
