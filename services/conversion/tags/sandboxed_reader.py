"""Read the tags and the front cover of an audio file with mutagen, in the sandbox.

The sandbox's launcher imports this module before it restricts the process, and calls `main`
afterwards. The output has names as the file has them: the service translates them, see `names`.
"""

import base64
import contextlib
import encodings.ascii
import encodings.latin_1
import encodings.utf_8
import encodings.utf_16
import encodings.utf_16_be
import encodings.utf_16_le  # noqa: F401 - nothing can be imported later
import functools
import io
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mutagen import (
    aiff,
    apev2,
    asf,
    dsdiff,
    dsf,
    flac,
    id3,
    mp4,
    ogg,
    oggflac,
    oggopus,
    oggspeex,
    oggvorbis,
    wave,
)

from services.conversion.tags.chunks import read_chunks
from services.conversion.tags.id3_frames import add_id3
from services.conversion.tags.reader_output import FRONT_COVER, TagReaderOutput
from services.conversion.tags.trailing_tags import TrailingTag, find_trailing_tags

_BLOCK = 4 * 1024 * 1024
_MAX_BLOCKS = 24
"""Different blocks of the source that are read: each is a request to the store."""
_ID3V1_FIELDS = (("title", 3, 30), ("artist", 33, 30), ("album", 63, 30), ("date", 93, 4))
_OGG_STREAMS = (
    (b"\x01vorbis", oggvorbis.OggVorbisInfo, oggvorbis.OggVCommentDict),
    (b"OpusHead", oggopus.OggOpusInfo, oggopus.OggOpusVComment),
    (b"\x7fFLAC", oggflac.OggFLACStreamInfo, oggflac.OggFLACVComment),
    (b"Speex   ", oggspeex.OggSpeexInfo, oggspeex.OggSpeexVComment),
)
"""The beginning of the first packet of each codec, and mutagen's classes for it."""
_MAX_OGG_STREAMS = 16
_MAX_TRAILING_TAG = 64 * 1024 * 1024
"""Bytes: with several pictures."""
_APE_COVER_KINDS = {"cover art (front)": 3, "cover art (back)": 4}


class BoundedFile(io.RawIOBase):
    """Read a descriptor, but not too many different blocks of it."""

    def __init__(self, fd: int) -> None:
        self._fd, self._blocks = fd, set[int]()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return os.lseek(self._fd, offset, whence)

    def readinto(self, buffer: Any) -> int:
        position = os.lseek(self._fd, 0, os.SEEK_CUR)
        self._blocks |= {position // _BLOCK, (position + len(buffer)) // _BLOCK}
        if len(self._blocks) > _MAX_BLOCKS:
            raise OSError("the tags are spread over too much of the file")
        data = os.read(self._fd, len(buffer))
        buffer[: len(data)] = data
        return len(data)


def main(arguments: list[str]) -> None:
    """Read the source (first argument, a descriptor) and write its output (second)."""
    source, output = map(int, arguments)
    collected = TagReaderOutput()
    file = io.BufferedReader(BoundedFile(source), 65_536)
    head = file.read(128)
    for reader in _readers(file, head, os.fstat(source).st_size):
        collected.reader += 1
        try:
            file.seek(0)
            reader(file, collected)
        except Exception:  # noqa: S112 - whatever mutagen raises about a malformed tag
            continue  # the others may be intact
    collected.write(output)


def _readers(file: Any, head: bytes, size: int) -> Iterator[Callable[[Any, TagReaderOutput], None]]:
    """Yield the readers of all tags that the file may have, the most trusted first."""
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        yield _read_mp4
        return
    if head[:4] == b"OggS":
        yield _read_ogg
        return
    if head[:16] == bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"):
        yield _read_asf
        return
    if head[:4] in (b"RIFF", b"FORM", b"DSD ", b"FRM8"):
        yield lambda file, collected: add_id3(_chunked(head)(file).tags, collected)
    if head[:4] in (b"RIFF", b"RF64", b"FORM"):
        yield read_chunks
    if head[:4] in (b"RIFF", b"RF64", b"FORM", b"DSD ", b"FRM8"):
        return
    if head[:4] == b"\x1a\x45\xdf\xa3":  # Matroska has none of the tags below
        return
    yield _read_flac
    yield _read_id3
    yield from _trailing_readers(file, size)


def _trailing_readers(file: Any, size: int) -> Iterator[Callable[[Any, TagReaderOutput], None]]:
    """Yield the readers of the tags at the end, and that of an APEv2 tag at the beginning."""

    def read(start: int, count: int) -> bytes:
        file.seek(start)
        found: bytes = file.read(count)
        return found

    tags: Sequence[TrailingTag] = ()
    with contextlib.suppress(OSError):  # the tags before the sound may be intact
        tags = find_trailing_tags(read, size)
    for kind, reader in _TRAILING_READERS.items():
        found = [tag for tag in tags if tag.kind == kind]
        for tag in found:
            if tag.end - tag.start <= _MAX_TRAILING_TAG:
                yield functools.partial(_read_part, reader, tag)
            else:
                yield lambda _file, collected: collected.lost.add("the tag at the end")
        if kind == "ape" and not found:
            yield _read_ape


def _read_part(
    reader: Callable[[Any, TagReaderOutput], None],
    tag: TrailingTag,
    file: Any,
    collected: TagReaderOutput,
) -> None:
    file.seek(tag.start)
    reader(io.BytesIO(file.read(tag.end - tag.start)), collected)


def _chunked(head: bytes) -> Any:
    if head[:4] == b"RIFF":
        return wave.WAVE
    return {b"FORM": aiff.AIFF, b"DSD ": dsf.DSF}.get(head[:4], dsdiff.DSDIFF)


def _read_id3(file: Any, collected: TagReaderOutput) -> None:
    add_id3(id3.ID3(file, load_v1=False), collected)


def _read_id3v1(file: Any, collected: TagReaderOutput) -> None:
    """Read the tag itself: mutagen would decode it as Latin-1."""
    data = file.read(128)
    fields = {name: data[start : start + size] for name, start, size in _ID3V1_FIELDS}
    fields["comment"] = data[97:125] if data[125] == 0 else data[97:127]
    for name, value in fields.items():
        text = value.partition(b"\0")[0].rstrip().decode("latin-1")
        collected.add("id3v1", name, [text], is_legacy=True)
    if data[125] == 0 and data[126]:
        collected.add("id3v1", "track", [str(data[126])])
    if data[127] < len(id3.TCON.GENRES):
        collected.add("id3v1", "genre", [id3.TCON.GENRES[data[127]]])


def _read_ape(file: Any, collected: TagReaderOutput) -> None:
    for name, value in apev2.APEv2(file).items():
        if value.kind == apev2.TEXT:
            collected.add("ape", name, list(value))
        elif value.kind == apev2.EXTERNAL:
            collected.add("ape", name, [str(value)])
        elif name.lower().startswith("cover art"):
            data = bytes(value.value)
            if not data.startswith((b"\xff\xd8\xff", b"\x89PNG")):
                data = data.partition(b"\0")[2]  # behind a file name
            collected.add_picture(_APE_COVER_KINDS.get(name.lower(), 0), data)
        else:
            collected.lost.add(name)


_TRAILING_READERS: dict[str, Callable[[Any, TagReaderOutput], None]] = {
    "id3v2": _read_id3, "ape": _read_ape, "id3v1": _read_id3v1
}  # fmt: skip
"""The most trusted first."""


def _read_flac(file: Any, collected: TagReaderOutput) -> None:
    found = flac.FLAC(file)
    _add_comments(found.tags, collected)
    for picture in found.pictures:
        collected.add_picture(int(picture.type), picture.data)


def _read_ogg(file: Any, collected: TagReaderOutput) -> None:
    """Read the comments of the first stream that may have some.

    The streams are named by the pages in front. mutagen's own classes look for their stream in the
    whole file, and for its last page.
    """
    for _ in range(_MAX_OGG_STREAMS):
        page = ogg.OggPage(file)
        for mark, info_class, comments_class in _OGG_STREAMS:
            if page.first and page.packets[0].startswith(mark):
                file.seek(page.offset)
                _add_comments(comments_class(file, info_class(file)), collected)
                return


def _add_comments(comments: Any, collected: TagReaderOutput) -> None:
    values: dict[str, list[str]] = {}
    for name, value in comments or ():
        values.setdefault(name.upper(), []).append(value)
    for name, texts in values.items():
        if name == "METADATA_BLOCK_PICTURE":
            for text in texts:
                with collected.reading_picture():
                    picture = flac.Picture(base64.b64decode(text))
                    collected.add_picture(int(picture.type), picture.data)
        elif name == "COVERART":
            with collected.reading_picture():
                collected.add_picture(FRONT_COVER, base64.b64decode(texts[0]))
        elif name != "COVERARTMIME":
            collected.add("vorbis", name, texts)


def _read_mp4(file: Any, collected: TagReaderOutput) -> None:
    for name, value in mp4.MP4Tags(mp4.Atoms(file), file).items():
        if name == "covr":
            for picture in value:
                collected.add_picture(FRONT_COVER, bytes(picture))
        elif name.startswith("----:"):
            # mutagen reads names as Latin-1, but the bytes of most are UTF-8.
            free_form_name = name.split(":", 2)[2]
            with contextlib.suppress(UnicodeDecodeError):
                free_form_name = free_form_name.encode("latin-1").decode()
            try:
                collected.add("own", free_form_name, [bytes(each).decode() for each in value])
            except UnicodeDecodeError:  # the data of a program
                collected.lost.add(free_form_name)
        elif name in ("trkn", "disk"):
            texts = [f"{n}/{total}" if total else str(n) for n, total in value if n or total]
            collected.add("mp4", name, texts)
        else:
            values = value if isinstance(value, list) else [value]
            collected.add(
                "mp4", name, [str(int(x)) if isinstance(x, int) else str(x) for x in values]
            )


def _read_asf(file: Any, collected: TagReaderOutput) -> None:
    values: dict[str, list[str]] = {}
    for name, value in asf.ASF(file).tags or ():
        if name == "WM/Picture":
            with collected.reading_picture():
                _add_asf_picture(bytes(value.value), collected)
        elif isinstance(value, asf.ASFByteArrayAttribute | asf.ASFGUIDAttribute):
            if not name.startswith(("WM/MCDI", "MediaClass", "WM/MediaClass")):
                collected.lost.add(name)
        else:
            text = str(int(value.value)) if isinstance(value.value, bool) else str(value.value)
            values.setdefault(name, []).append(text)
    for name, texts in values.items():
        collected.add("asf", name, texts)


def _add_asf_picture(data: bytes, collected: TagReaderOutput) -> None:
    """Read WM/Picture: type, size, then MIME type and description in UTF-16, then the bytes."""
    kind, size = struct.unpack_from("<BI", data)
    at, strings = 5, 0
    while strings < 2 and at + 1 < len(data):
        strings += data[at : at + 2] == b"\0\0"
        at += 2
    collected.add_picture(kind, data[at : at + size])
