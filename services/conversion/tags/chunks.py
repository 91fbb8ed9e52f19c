"""Read the annotations of an AIFF file, and name the chunks that no reader of tags knows.

The sandboxed reader uses this module. Loops and the like have no place in most output formats, and
FFmpeg neither reads nor writes them. It reads cue points, as chapters.
"""

import struct
from collections.abc import Iterator
from typing import Any

from services.conversion.tags.reader_output import TagReaderOutput

_LOST = {
    b"RIFF": {
        b"smpl": "loops (smpl)", b"inst": "inst", b"acid": "acid",
        b"iXML": "iXML", b"axml": "axml", b"cart": "cart", b"_PMX": "XMP", b"DISP": "DISP",
    },
    b"FORM": {b"MARK": "markers", b"INST": "loops (INST)", b"COMT": "comments (COMT)"},
}  # fmt: skip
"""By the beginning of the file: the chunks, and their names for people."""
_COUNTED = frozenset({b"MARK", b"COMT"})
"""They begin with the number of their entries, which may be 0."""
_MAX_CHUNKS, _MAX_NOTE = 100, 64 * 1024


def read_chunks(file: Any, collected: TagReaderOutput) -> None:
    """Add the annotations of AIFF, of which FFmpeg knows the last, and the names of lost chunks."""
    notes = [note.rstrip(b"\0").decode("latin-1") for note in _notes(file, collected)]
    collected.add("aiff", "comment", notes, is_legacy=True)


def _notes(file: Any, collected: TagReaderOutput) -> Iterator[bytes]:
    """Yield the annotations, and add the names of lost chunks."""
    head = file.read(36)
    order, kind = (">", b"FORM") if head[:4] == b"FORM" else ("<", b"RIFF")
    at = 12
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        header = file.read(12)
        if len(header) < 9:
            return
        name, size = struct.unpack_from(f"{order}4sI", header)
        if name == b"data" and head[:4] == b"RF64" and head[12:16] == b"ds64":
            (size,) = struct.unpack_from("<Q", head, 28)
        is_empty = name in _COUNTED and not any(header[8:10])
        if name in _LOST[kind] and size and not is_empty:
            collected.lost.add(_LOST[kind][name])
        if name == b"ANNO" and kind == b"FORM" and size <= _MAX_NOTE:
            file.seek(at + 8)
            yield file.read(size)
        at += 8 + size + size % 2
