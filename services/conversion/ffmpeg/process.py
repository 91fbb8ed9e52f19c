"""One run of FFmpeg: started in the jail, fed, listened to, and over when this says so."""

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO, cast

from services.conversion.ffmpeg.log import FfmpegLog
from services.conversion.ports import MediaError
from services.conversion.sandbox import process as sandbox
from services.conversion.sandbox.supervisor import SandboxSupervisor
from services.conversion.storage.source_cache import SourceCache

_POLL = 0.02
"""Seconds between two looks at the output: at 1 GB/s FFmpeg writes 20 MB meanwhile."""
_PAUSE = 0.005
_LONGEST_LINE = 65_536


@dataclass
class FfmpegProgress:
    """How far a run is: seconds of sound written."""

    out_time: float = 0.0
    bytes_written: int = 0


Step = Callable[[FfmpegProgress], bool]
"""Called every few hundredths of a second; False holds FFmpeg until it says True. What it raises ends the run."""


@dataclass
class FfmpegResult:
    """How a run ended. `signal` is the one that killed it, 0 if none did."""

    exit_code: int
    signal: int
    report: FfmpegLog
    progress: FfmpegProgress
    refused: Sequence[str] = ()

    @property
    def ok(self) -> bool:
        return self.exit_code == 0 and self.signal == 0


@dataclass
class FfmpegProcess:
    """What to start and how long it may take; call `execute` once."""

    command: Sequence[str]
    descriptors: Sequence[int]
    rlimits: dict[str, int]
    wall: float
    stall: float
    window: SourceCache | None = None
    room: Callable[[], bool] | None = None
    """Asked before FFmpeg reads on: where the output is too far ahead of the store, it gets no more to convert."""
    walls: sandbox.SandboxLevel = field(default_factory=sandbox.best_sandbox_level)

    def execute(self, step: Step) -> FfmpegResult:
        """Runs to the end. Raises what `step` raises, what the source raised, and MediaError timed_out; the child is dead then."""
        self._report, self._progress, self._over = FfmpegLog(), FfmpegProgress(), threading.Event()
        source = self.window.fd if self.window else self.descriptors[0]
        if self.window:
            self.window.rewind()
        child = sandbox.start(self.command, self.descriptors, self.rlimits, self.walls)
        gate = None
        if child.listener is not None:
            gate = SandboxSupervisor(child.listener, source, self._let_read)
        try:
            self._listen(child.process, step)
            child.process.wait(self.stall)
        finally:
            self._over.set()
            if self.window is not None:
                self.window.interrupt()
            child.kill()
            if gate is not None:
                gate.close()
            sandbox.close_pipes(child.process)
        code = child.process.returncode
        return FfmpegResult(
            max(code, 0),
            max(-code, 0),
            self._report,
            self._progress,
            tuple(gate.refused) if gate else (),
        )

    def _listen(self, process: subprocess.Popen[bytes], step: Step) -> None:
        assert process.stdout
        assert process.stderr
        hears = {process.stdout: self._hear_progress, process.stderr: self._report.feed}
        rests = dict.fromkeys(hears, b"")
        started = moved = time.monotonic()
        seen: object = None
        held = False
        with selectors.DefaultSelector() as selector:
            for pipe in hears:
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select(_POLL):
                    pipe = cast(IO[bytes], key.fileobj)
                    data = os.read(pipe.fileno(), _LONGEST_LINE)
                    if not data:
                        selector.unregister(pipe)
                    *lines, rests[pipe] = (rests[pipe] + data).split(b"\n")
                    rests[pipe] = rests[pipe][:_LONGEST_LINE]
                    for line in lines:
                        hears[pipe](line.decode(errors="replace"))
                if self.window is not None and self.window.error is not None:
                    raise self.window.error
                go_on = step(self._progress)
                if go_on is held:  # holding and not to be held, or the other way round
                    held = not go_on
                    with contextlib.suppress(ProcessLookupError):
                        process.send_signal(signal.SIGSTOP if held else signal.SIGCONT)
                now = time.monotonic()
                state = (
                    self._progress.out_time,
                    self._progress.bytes_written,
                    self.window and self.window.furthest,
                )
                if state != seen or held or (self.window is not None and self.window.waiting):
                    seen, moved = state, now
                if now - started > self.wall or now - moved > self.stall:
                    raise MediaError(
                        "timed_out",
                        "Converting this file took too long, so it was stopped.",
                        "\n".join(self._report.trouble),
                    )

    def _let_read(self, position: int, count: int) -> bool:
        while self.room is not None and not self.room() and not self._over.wait(_PAUSE):
            pass
        return self.window is None or self.window.require(position, count)

    def _hear_progress(self, line: str) -> None:
        key, _, value = line.partition("=")
        if key == "out_time_us" and value.strip().lstrip("-").isdigit():
            self._progress.out_time = max(self._progress.out_time, int(value) / 1e6)
        elif key == "total_size" and value.strip().isdigit():
            self._progress.bytes_written = int(value)
