"""Tell FFmpeg's own log lines from strangers' text that imitates them.

Tags are printed in the log, and their names may contain line ends: a file can make FFmpeg print
any line. FFmpeg prints each line by several writes: the component, the level, and pieces of text.
A pipe in packet mode (O_DIRECT, see pipe(2)) keeps them apart, so that what follows a line end
within one write is recognised as text, and not as a line.
"""

import mmap
import re
from dataclasses import dataclass, field

_COMPONENT = re.compile(r"\[([^\[\]\n]{1,100}) @ 0x[0-9a-f]+\] ")
_LEVEL = re.compile(r"\[(quiet|panic|fatal|error|warning|info|verbose|debug|trace)\] ")
_MAX_TEXT, _MAX_COMPONENTS = 4096, 8
_SPLIT_SIZES = (4096, mmap.PAGESIZE)
"""A longer write is split into packets of this size, so such a packet ends no line."""


@dataclass(frozen=True)
class LogLine:
    """Hold one message: who says it, from the outermost to the innermost component, and how."""

    components: tuple[str, ...]
    level: str
    message: str
    """The text with all of its lines."""

    @property
    def text(self) -> str:
        """Return the first line: what follows may be a stranger's."""
        return self.message.partition("\n")[0]

    @property
    def component(self) -> str:
        """Return the innermost component, as `in#0/flac` or `Parsed_astats_0`; or nothing."""
        return self.components[-1] if self.components else ""

    def __str__(self) -> str:
        return "".join(f"[{each}] " for each in (*self.components, self.level)) + self.text


def parse_line(line: str) -> LogLine:
    """Parse a line of text, for systems whose pipes keep no writes apart (macOS)."""
    components: list[str] = []
    at = 0
    while match := _COMPONENT.match(line, at):
        components.append(match[1])
        at = match.end()
    level = _LEVEL.match(line, at)
    at = level.end() if level else at
    return LogLine(tuple(components), level[1] if level else "", line[at : at + _MAX_TEXT])


@dataclass
class LineAssembler:
    """Assemble log lines from the packets that FFmpeg wrote."""

    _components: list[str] = field(default_factory=list)
    _level: str = ""
    _text: str = ""
    _in_text: bool = False
    _in_split_write: bool = False

    def feed(self, packet: bytes) -> LogLine | None:
        """Add one packet, and return the line that it completes."""
        if len(self._text) >= _MAX_TEXT and not packet.endswith(b"\n"):
            self._in_split_write = len(packet) in _SPLIT_SIZES
            return None
        text = packet.decode(errors="replace")
        is_start = not self._in_text and not self._in_split_write
        self._in_split_write = len(packet) in _SPLIT_SIZES
        if is_start:
            if match := _COMPONENT.fullmatch(text):
                self._components.append(match[1])
                # A compromised FFmpeg may print nothing else, without end.
                del self._components[_MAX_COMPONENTS:]
                return None
            if match := _LEVEL.fullmatch(text):
                self._level, self._in_text = match[1], True
                return None
        self._in_text = True
        self._text = (self._text + text)[:_MAX_TEXT]
        if self._in_split_write or not text.endswith("\n"):
            return None
        line = LogLine(tuple(self._components), self._level, self._text.removesuffix("\n"))
        self._components, self._level, self._text, self._in_text = [], "", "", False
        return line
