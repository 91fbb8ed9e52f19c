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
        b"smpl": "smpl", b"inst": "inst", b"acid": "acid",
        b"iXML": "iXML", b"axml": "axml", b"cart": "cart", b"_PMX": "XMP", b"DISP": "DISP",
    },
    b"FORM": {b"MARK": "markers", b"INST": "INST", b"COMT": "comments (COMT)"},
}  # fmt: skip
"""By the beginning of the file: the chunks, and their names for people."""
_COUNTED = frozenset({b"MARK", b"COMT"})
"""They begin with the number of their entries, which may be 0."""
_LOOPS = {b"smpl": (slice(36, 40),), b"INST": (slice(16, 18), slice(22, 24))}
"""Bytes of a chunk, counted from its header, that are all zero if it has no loops: the number of
loops, or the play modes of AIFF's two. Microsoft's "New Multimedia Data Types", 1994; Apple's
"Audio Interchange File Format", 1989."""
_MAX_CHUNKS, _MAX_NOTE = 100, 1024 * 1024


def read_chunks(file: Any, collected: TagReaderOutput) -> None:
    """Add AIFF's annotations, of which FFmpeg reads only the last, and the names of lost chunks."""
    notes = [note.rstrip(b"\0").decode("latin-1") for note in _notes(file, collected)]
    collected.add("aiff", "comment", notes, is_legacy=True)


def _notes(file: Any, collected: TagReaderOutput) -> Iterator[bytes]:
    """Yield the annotations, and add the names of lost chunks."""
    head = file.read(36)
    order, kind = (">", b"FORM") if head[:4] == b"FORM" else ("<", b"RIFF")
    at = 12
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        header = file.read(40)
        if len(header) < 9:
            return
        name, size = struct.unpack_from(f"{order}4sI", header)
        if name == b"data" and head[:4] == b"RF64" and head[12:16] == b"ds64":
            (size,) = struct.unpack_from("<Q", head, 28)
        is_empty = name in _COUNTED and not any(header[8:10])
        if name in _LOST[kind] and size and not is_empty:
            has_loops = any(any(header[place]) for place in _LOOPS.get(name, ()))
            label = _LOST[kind][name]
            collected.lost.add(f"loops ({label})" if has_loops else label)
        if (name, kind) == (b"ANNO", b"FORM") and size > _MAX_NOTE:
            collected.lost.add("comment")
        elif (name, kind) == (b"ANNO", b"FORM"):
            file.seek(at + 8)
            yield file.read(size)
        at += 8 + size + size % 2
