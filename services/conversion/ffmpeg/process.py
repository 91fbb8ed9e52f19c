"""Run FFmpeg in the sandbox, follow its progress and its log, and stop it at its limits."""

import contextlib
import os
import re
import resource
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO, cast

from libs.core.domain.uploads import Failure
from services.conversion.ffmpeg.log import FfmpegLog, FfmpegLogParser
from services.conversion.ffmpeg.log_lines import parse_line
from services.conversion.ffmpeg.pipe_readers import LineReader, PacketReader, Reader
from services.conversion.ports import MediaError
from services.conversion.sandbox import launchers
from services.conversion.sandbox import process as sandbox
from services.conversion.sandbox.processor_budget import ProcessorBudget
from services.conversion.sandbox.supervisor import SandboxSupervisor
from services.conversion.storage.multipart_writer import MultipartWriter
from services.conversion.storage.source_cache import SourceReader

_POLL_SECONDS = 0.02
"""Time between two calls of `on_progress`: at 1 GB/s FFmpeg writes 20 MB meanwhile."""
_READ_POLL_SECONDS = 0.005
_LONG_RUN = 5.0
"""Seconds after which a run is a long one, and others go first on the processors."""
_NICENESS_OF_LONG_RUNS = 10
_NUMBER = re.compile(r"-?[0-9]{1,19}")
_MAX_PROGRESS, _MAX_PROGRESS_PER_SECOND = 1024 * 1024, 64 * 1024
"""Bytes of progress that a run may write, and those that each second adds: FFmpeg writes 300, five
times a second."""
_LONGEST_PAUSE = 0.1
"""Seconds between two looks at the limits, while the pipes are not read. A damaged file may have a
message for each packet, so more of them are read later, and end nothing."""


@dataclass
class FfmpegProgress:
    """Hold how far a run is: seconds of audio and bytes written."""

    out_time: float = 0.0
    bytes_written: int = 0


OnProgress = Callable[[FfmpegProgress], bool]
"""Called many times a second. FFmpeg is stopped (SIGSTOP) while it returns False.

An exception that it raises ends the run.
"""


@dataclass(frozen=True)
class FfmpegResult:
    """Hold how a run ended. `signal` is the number of the signal that killed the process, or 0."""

    exit_code: int
    signal: int
    log: FfmpegLog
    progress: FfmpegProgress
    refused: Sequence[str] = ()
    """Names of the system calls that the sandbox refused."""

    @property
    def ok(self) -> bool:
        """Return True if FFmpeg exited with 0."""
        return self.exit_code == 0 and self.signal == 0


@dataclass(frozen=True)
class FfmpegProcess:
    """Describe one run of FFmpeg, or of the reader of tags, in the sandbox.

    It says what to start, and how long that may take in seconds.

    `descriptors` are those that FFmpeg inherits; the first is its source. `max_stall` counts from
    the last sign of progress; waiting for the source or for `on_progress` does not count as a
    stall. The time for which `on_progress` stops it counts for neither.
    """

    command: Sequence[str]
    descriptors: Sequence[int]
    rlimits: dict[str, int]
    max_seconds: float
    max_stall: float
    source: SourceReader | None = None
    output: MultipartWriter | None = None
    """FFmpeg's reads wait while the output is too far ahead of the store."""
    level: sandbox.SandboxLevel = field(default_factory=sandbox.best_sandbox_level)

    def run(self, on_progress: OnProgress) -> FfmpegResult:
        """Run FFmpeg to its end. The process is dead when this returns or raises.

        Raises:
            MediaError: `timed_out`, if the run takes longer than its limits.
            Exception: whatever `on_progress` or the source raises.
        """
        if self.source is not None:
            self.source.rewind()
        ended = threading.Event()
        child = sandbox.start(self.command, self.descriptors, self.rlimits, self.level)
        supervisor, budget = None, ProcessorBudget()
        run = _Run(self, child.process, child.writes_are_packets, budget)
        try:
            if child.listener is not None:
                source_fd = self.source.fd if self.source else self.descriptors[0]
                supervisor = SandboxSupervisor(
                    child.process.pid,
                    child.listener,
                    source_fd,
                    lambda position, count: self._wait_for_bytes(ended, position, count),
                    self.command.count("-i"),
                    budget,
                )
            with budget.running():
                run.follow(on_progress)
        finally:
            ended.set()
            if self.source is not None:
                self.source.interrupt()
            child.kill()
            if supervisor is not None:
                supervisor.close()
            elif child.listener is not None:  # its thread could not be started
                os.close(child.listener)
            launchers.close_pipes(child.process)
        code = child.process.returncode
        if code and supervisor is not None and supervisor.error is not None:
            raise supervisor.error
        return FfmpegResult(
            exit_code=max(code, 0),
            signal=max(-code, 0),
            log=run.parser.log,
            progress=run.progress,
            refused=tuple(supervisor.refused) if supervisor else (),
        )

    def _wait_for_bytes(self, ended: threading.Event, position: int, count: int) -> bool:
        while self.output is not None and not self.output.may_grow():
            if ended.wait(_READ_POLL_SECONDS):
                break
        return self.source is None or self.source.require(position, count)


@dataclass
class _Run:
    """Follow a running FFmpeg: read its pipes, stop and continue it, and enforce its limits."""

    options: FfmpegProcess
    process: subprocess.Popen[bytes]
    writes_are_packets: bool
    budget: ProcessorBudget
    parser: FfmpegLogParser = field(default_factory=FfmpegLogParser)
    progress: FfmpegProgress = field(default_factory=FfmpegProgress)
    _is_paused: bool = False
    _is_long: bool = False
    _output_limit: int | None = None
    _last_state: object = None
    _started: float = field(default_factory=time.monotonic)
    _moved: float = field(default_factory=time.monotonic)
    _looked: float = field(default_factory=time.monotonic)

    def follow(self, on_progress: OnProgress) -> None:
        """Return when FFmpeg has ended. Hostile code may close the pipes long before."""
        assert self.process.stdout
        assert self.process.stderr
        source = self.options.source
        self._limit_output()
        log: Reader = LineReader(lambda line: self.parser.feed(parse_line(line)))
        if self.writes_are_packets:
            log = PacketReader(self.parser.feed)
        progress = LineReader(self._parse_progress)
        pipes = {self.process.stdout: progress, self.process.stderr: log}
        with selectors.DefaultSelector() as selector:
            for pipe in pipes:
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map() or not self._has_ended():
                readable = selector.select(_POLL_SECONDS) if selector.get_map() else ()
                began = time.thread_time()
                for key, _ in readable:
                    pipe = cast(IO[bytes], key.fileobj)
                    if not pipes[pipe].read(pipe.fileno()):
                        selector.unregister(pipe)
                pause = self.budget.spend(time.thread_time() - began)
                if source is not None and source.error is not None:
                    raise source.error
                self._pause_or_resume(may_go_on=on_progress(self.progress))
                self._limit_output()
                self._enforce_time_limits()
                self._let_others_go_first()
                self._limit_progress(progress.size)
                if pause:
                    time.sleep(min(pause, _LONGEST_PAUSE))

    def _has_ended(self) -> bool:
        """Wait for a moment until the process has ended, and return True if it has."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_POLL_SECONDS)
        return self.process.returncode is not None

    def _pause_or_resume(self, *, may_go_on: bool) -> None:
        if may_go_on is self._is_paused:
            self._is_paused = not may_go_on
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGSTOP if self._is_paused else signal.SIGCONT)

    def _limit_output(self) -> None:
        """Let the kernel kill a process that exceeds the limit before the next check here."""
        if self.options.output is None or not hasattr(resource, "prlimit"):
            return
        limit = min(self.options.rlimits["RLIMIT_FSIZE"], self.options.output.max_size)
        if limit != self._output_limit:
            self._output_limit = limit
            with contextlib.suppress(ProcessLookupError):
                # Only root may raise a hard limit, and ours may be lower than what is allowed.
                _, hard = resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE)
                most = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
                resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (most, hard))

    def _enforce_time_limits(self) -> None:
        source = self.options.source
        state = (
            self.progress.out_time,
            self.progress.bytes_written,
            source and source.highest_offset,
        )
        now = time.monotonic()
        if self._is_paused:
            self._started += now - self._looked
        self._looked = now
        is_waiting = self._is_paused or (source is not None and source.is_waiting)
        if state != self._last_state or is_waiting:
            self._last_state, self._moved = state, now
        options = self.options
        if now - self._started > options.max_seconds or now - self._moved > options.max_stall:
            raise MediaError(
                Failure("timed_out", "Converting this file took too long, so it was stopped."),
                "\n".join(self.parser.log.messages),
            )

    def _limit_progress(self, size: int) -> None:
        """End a process that floods its pipe: reading it would slow down the worker's others."""
        seconds = time.monotonic() - self._started
        if size > _MAX_PROGRESS + seconds * _MAX_PROGRESS_PER_SECOND:
            raise MediaError(
                Failure(
                    "internal",
                    "Something went wrong on our side while converting. Please try again.",
                ),
                f"FFmpeg wrote {size} bytes of progress in {seconds:.1f} s",
            )

    def _let_others_go_first(self) -> None:
        """Lower the priority of a long run, so that short ones beside it are not slowed down."""
        if not self._is_long and self._looked - self._started >= _LONG_RUN:
            self._is_long = True
            # Of the process group: that of a process would be that of its first thread alone.
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PGRP, self.process.pid, _NICENESS_OF_LONG_RUNS)
            # Outside of containers, Linux compares sessions first, and each FFmpeg has its own.
            with (
                contextlib.suppress(OSError),
                open(f"/proc/{self.process.pid}/autogroup", "w") as file,
            ):
                file.write(str(_NICENESS_OF_LONG_RUNS))

    def _parse_progress(self, line: str) -> None:
        key, _, value = line.partition("=")
        value = value.strip()
        if not _NUMBER.fullmatch(value):
            return
        if key == "out_time_us":
            self.progress.out_time = max(self.progress.out_time, int(value) / 1e6)
        elif key == "total_size":
            self.progress.bytes_written = max(self.progress.bytes_written, int(value))
