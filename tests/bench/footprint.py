"""What a process, and the children that it starts meanwhile, take while something runs, by the kernel's own counters. Linux only."""

import re
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

LOOK_EVERY = 0.05
"""Seconds: children that live shorter may be missed, the peak of those that are seen is not (VmHWM)."""


class Footprint:
    """A context manager; may be entered again, and keeps the largest figures."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._name = _read(Path(f"/proc/{pid}/comm")).strip()
        self._stop = threading.Event()
        self._peaks: dict[int, int] = {}
        self._writes: dict[int, tuple[int, int]] = {}
        self._thread: threading.Thread | None = None
        self._others: set[int] = set()

    def __enter__(self) -> Self:
        self._stop.clear()
        self._others = set(self._children())
        # The peak counts from here on.
        Path(f"/proc/{self._pid}/clear_refs").write_text("5")
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        assert self._thread
        self._thread.join()

    @property
    def python_mib(self) -> int:
        """Peak resident memory of the process itself."""
        return self._peaks.get(self._pid, 0) // 1024

    @property
    def child_mib(self) -> int:
        """Peak resident memory of the largest child."""
        return max((kib for pid, kib in self._peaks.items() if pid != self._pid), default=0) // 1024

    @property
    def written(self) -> int:
        """Bytes that the process and its children caused to be written to a disk."""
        return sum(last - first for first, last in self._writes.values())

    def __str__(self) -> str:
        return f"python {self.python_mib} MiB, ffmpeg {self.child_mib} MiB, {self.written} B to disk"

    def _watch(self) -> None:
        while True:
            self._look(self._pid)
            for pid in set(self._children()) - self._others:
                self._look(pid)
            if self._stop.wait(LOOK_EVERY):
                self._look(self._pid)
                return

    def _children(self) -> list[int]:
        found: list[int] = []
        for task in Path(f"/proc/{self._pid}/task").glob("*/children"):
            found += map(int, _read(task).split())
        return found

    def _look(self, pid: int) -> None:
        status = _read(Path(f"/proc/{pid}/status"))
        peak = re.search(r"VmHWM:\s+(\d+)", status)
        # A child under our own name has not become another program yet: its memory is still ours.
        if peak and (pid == self._pid or status.split()[1] != self._name):
            self._peaks[pid] = max(self._peaks.get(pid, 0), int(peak[1]))
        io = re.search(r"^write_bytes: (\d+)", _read(Path(f"/proc/{pid}/io")), re.MULTILINE)
        if io:
            first, _ = self._writes.get(pid, (int(io[1]) if pid == self._pid else 0, 0))
            self._writes[pid] = (first, int(io[1]))


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it has ended
        return ""
