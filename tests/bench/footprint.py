"""Measure memory and disk writes of a process and its children. Linux only."""

import re
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

SAMPLE_INTERVAL = 0.05
"""Seconds between samples. Children that live shorter may be missed; peaks are not (VmHWM)."""


class Footprint:
    """Measure inside `with` blocks, and keep the maximum over all of them."""

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
        # Resets VmHWM.
        Path(f"/proc/{self._pid}/clear_refs").write_text("5")
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._stop.set()
        assert self._thread
        self._thread.join()

    @property
    def python_mib(self) -> int:
        """Return the peak resident memory of the process."""
        return self._peaks.get(self._pid, 0) // 1024

    @property
    def child_mib(self) -> int:
        """Return the peak resident memory of the largest child."""
        return max((kib for pid, kib in self._peaks.items() if pid != self._pid), default=0) // 1024

    @property
    def written(self) -> int:
        """Return the bytes that the process and its children wrote to a disk."""
        return sum(last - first for first, last in self._writes.values())

    def __str__(self) -> str:
        return (
            f"python {self.python_mib} MiB, ffmpeg {self.child_mib} MiB, {self.written} B to disk"
        )

    def _run(self) -> None:
        while True:
            self._sample(self._pid)
            for pid in set(self._children()) - self._others:
                self._sample(pid)
            if self._stop.wait(SAMPLE_INTERVAL):
                self._sample(self._pid)
                return

    def _children(self) -> list[int]:
        found: list[int] = []
        for task in Path(f"/proc/{self._pid}/task").glob("*/children"):
            found += map(int, _read(task).split())
        return found

    def _sample(self, pid: int) -> None:
        status = _read(Path(f"/proc/{pid}/status"))
        peak = re.search(r"VmHWM:\s+(\d+)", status)
        # A child with our own name has not called exec yet, and still shares our memory.
        if peak and (pid == self._pid or status.split()[1] != self._name):
            self._peaks[pid] = max(self._peaks.get(pid, 0), int(peak[1]))
        io = re.search(r"^write_bytes: (\d+)", _read(Path(f"/proc/{pid}/io")), re.MULTILINE)
        if io:
            first, _ = self._writes.get(pid, (int(io[1]) if pid == self._pid else 0, 0))
            self._writes[pid] = (first, int(io[1]))


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # the process has ended
        return ""
