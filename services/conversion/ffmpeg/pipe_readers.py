"""Read what FFmpeg writes to its pipes."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from services.conversion.ffmpeg.log_lines import LineAssembler, LogLine

_MAX_LINE = 65_536
_MAX_PACKETS = 256
"""Packets of the log that are read before the progress is looked at again."""


@dataclass
class LineReader:
    """Split a stream of bytes into lines, of which only the first 64 KiB each are kept."""

    on_line: Callable[[str], None]
    size: int = 0
    """Bytes read so far."""
    _rest: bytes = b""

    def read(self, fd: int) -> bool:
        """Read what there is; return False at the end of the stream."""
        data = os.read(fd, _MAX_LINE)
        self.size += len(data)
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[:_MAX_LINE]
        for line in lines:
            self.on_line(line.decode(errors="replace"))
        return bool(data)


@dataclass
class PacketReader:
    """Assemble log lines from a pipe whose reads return one write each."""

    on_line: Callable[[LogLine], None]
    _assembler: LineAssembler = field(default_factory=LineAssembler)

    def read(self, fd: int) -> bool:
        """Read what there is, up to a limit; return False at the end of the stream."""
        os.set_blocking(fd, False)
        for _ in range(_MAX_PACKETS):
            try:
                packet = os.read(fd, _MAX_LINE)
            except BlockingIOError:
                break
            if not packet:
                return False
            if line := self._assembler.feed(packet):
                self.on_line(line)
        return True


Reader = LineReader | PacketReader
