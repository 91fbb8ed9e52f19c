"""Test how a run of FFmpeg is followed, limited and stopped."""

import contextlib
import fcntl
import itertools
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from libs.core.domain.uploads import MIB
from services.conversion.ffmpeg import process
from services.conversion.ffmpeg.process import (
    FfmpegProcess,
    FfmpegProgress,
    FfmpegResult,
    OnProgress,
)
from services.conversion.pipeline import progress_tracker
from services.conversion.pipeline.engine import FfmpegEngine, Limits
from services.conversion.ports import EngineProgress, MediaError
from services.conversion.sandbox import launchers, processor_budget
from services.conversion.sandbox import process as sandbox
from services.conversion.sandbox.process import SandboxLevel
from services.conversion.sandbox.processor_budget import SharedBudget
from tests.conversion.audio_files import AudioFiles
from tests.conversion.media_support import (
    convert,
)
from tests.fakes import FakeClock

Started = Callable[[], set[int]]


@pytest.mark.parametrize("when", [0, 1, 2, 3, 5, 8])
def test_stopping_leaves_no_process_and_no_descriptor(
    when: int, engine: FfmpegEngine, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check itself is in `started`."""
    monkeypatch.setattr(
        progress_tracker, "REPORT_INTERVAL", 0.0
    )  # report at each look, so that there are enough reports

    class Stop(Exception):
        pass

    moments = itertools.count()
    stopped: list[float] = []

    def tick(_: EngineProgress) -> None:
        if next(moments) >= when:
            stopped.append(time.monotonic())
            raise Stop

    with pytest.raises(Stop):
        convert(engine, large, "flac", tick=tick)
    assert time.monotonic() - stopped[0] < 1


def test_a_crash_of_ffmpeg_is_blamed_on_the_file(sounds: AudioFiles, started: Started) -> None:
    """The kernel sends SIGSEGV, as when a vulnerability is exploited."""

    def crash(tick: EngineProgress) -> None:
        if tick.phase == "converting":
            for child in started():
                os.kill(child, signal.SIGSEGV)

    with pytest.raises(MediaError) as refusal:
        convert(FfmpegEngine(), sounds.tone("longer.wav", seconds=60), "m4a", tick=crash)
    assert refusal.value.code == "corrupt"
    assert "signal 11" in refusal.value.operator_detail


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities on Linux only")
def test_all_threads_of_a_long_run_let_others_go_first(
    sounds: AudioFiles, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_LONG_RUN", 0.0)
    monkeypatch.setattr(progress_tracker, "REPORT_INTERVAL", 0.0)
    found: set[int] = set()
    sessions: set[str] = set()

    def look(tick: EngineProgress) -> None:
        for child in started() if tick.phase == "converting" and tick.percent > 0 else ():
            with contextlib.suppress(OSError):
                threads = os.listdir(f"/proc/{child}/task")
                found.update(os.getpriority(os.PRIO_PROCESS, int(thread)) for thread in threads)
                sessions.add(Path(f"/proc/{child}/autogroup").read_text().split()[-1])

    convert(FfmpegEngine(), sounds.tone("longer.wav", seconds=60), "m4a", tick=look)

    mine = os.getpriority(os.PRIO_PROCESS, 0)
    assert found - {mine} == {process._NICENESS_OF_LONG_RUNS}
    assert sessions <= {"0", str(process._NICENESS_OF_LONG_RUNS)}


def test_ffmpeg_without_progress_is_stopped(sounds: AudioFiles, started: Started) -> None:
    def hang(tick: EngineProgress) -> None:
        if tick.phase == "converting":
            for child in started():
                os.kill(child, signal.SIGSTOP)

    with pytest.raises(MediaError) as refusal:
        convert(
            FfmpegEngine(limits=Limits(stall=1.0, wall_floor=3600)),
            sounds.tone("longer.wav", seconds=60),
            "m4a",
            tick=hang,
        )
    assert refusal.value.code == "timed_out"


def test_ffmpeg_is_stopped_after_its_maximum_time(sounds: AudioFiles) -> None:
    limits = Limits(wall_floor=0.5, wall_per_second=0.001)
    with pytest.raises(MediaError) as refusal:
        convert(FfmpegEngine(limits=limits), sounds.tone("long.wav", seconds=120), "m4a")
    assert refusal.value.code == "timed_out"


def test_a_pause_counts_for_no_time_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    may_end = tmp_path / "may-end"
    program = f"import os\nwhile not os.path.exists({str(may_end)!r}): pass"
    clock, looks = FakeClock(), itertools.count()
    names = SimpleNamespace(monotonic=clock, thread_time=time.thread_time, sleep=time.sleep)
    monkeypatch.setattr(process, "time", names)

    def pause(_: FfmpegProgress) -> bool:
        if next(looks) < 3:
            clock.advance(1000.0)
            return False
        may_end.touch()
        return True

    assert run_python(program, pause).ok
    assert next(looks) > 3


def test_a_program_is_watched_after_it_has_closed_its_pipes() -> None:
    """Hostile code filled the memory meanwhile, and could not be paused or cancelled."""

    class Stop(Exception):
        pass

    looks = itertools.count()

    def cancel(_: FfmpegProgress) -> bool:
        if next(looks) >= 100:
            raise Stop
        return True

    with pytest.raises(Stop):
        run_python("import os, signal\nos.close(1)\nos.close(2)\nsignal.pause()", cancel)


def test_an_output_that_grows_too_large_is_refused(sounds: AudioFiles) -> None:
    with pytest.raises(MediaError) as refusal:
        convert(
            FfmpegEngine(limits=Limits(max_output=MIB)),
            sounds.tone("longer.wav", seconds=60),
            "wav",
        )
    assert refusal.value.code == "too_large"


def run_python(program: str, on_progress: OnProgress = lambda _progress: True) -> FfmpegResult:
    """Run Python in place of FFmpeg, so without a sandbox."""
    with open(os.devnull, "rb") as nothing:
        run = FfmpegProcess(
            [sys.executable, "-I", "-S", "-c", program],
            [nothing.fileno()],
            {},
            max_seconds=60,
            max_stall=60,
            level=SandboxLevel.NONE,
        )
        return run.run(on_progress)


def test_an_endless_log_does_not_fill_the_memory() -> None:
    """Only the last messages are kept."""
    lines = (
        "import os\nfor n in range(100_000):\n"
        "    os.write(2, b'[error] ')\n    os.write(2, b'%d ' % n + b'x' * 300 + b'\\n')"
    )
    outcome = run_python(lines)
    assert outcome.ok
    assert len(outcome.log.messages) == 60
    assert sum(map(len, outcome.log.messages)) < 64 * 1024


def test_ffmpeg_that_floods_its_progress_is_ended() -> None:
    """Reading all of it would slow down the other conversions of the worker."""
    with pytest.raises(MediaError) as refusal:
        run_python("import os\nfor _ in range(3000):\n    os.write(1, b'a\\n' * 32768)")

    assert refusal.value.code == "internal"
    [size] = re.findall(r"wrote (\d+) bytes", refusal.value.operator_detail)
    assert int(size) < 10 * MIB, "it is ended long before it has written everything"


def test_ffmpeg_with_an_endless_log_waits_for_its_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor_budget, "SHARED", SharedBudget(0.0, 0.0))
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)

    outcome = run_python("import os\nfor _ in range(20_000):\n    os.write(2, b'[error] x\\n')")

    assert outcome.ok
    assert len(pauses) > 10
    assert max(pauses) <= process._LONGEST_PAUSE


@pytest.mark.parametrize("value", ["²", "٣", "--5", "9" * 5000, "N/A", "", "1e3"])
def test_progress_that_is_no_number_is_ignored(value: str) -> None:
    lines = f"out_time_us=2000000\ntotal_size=7\nout_time_us={value}\ntotal_size={value}\n"
    outcome = run_python(f"import os\nos.write(1, {lines.encode()!r})")

    assert outcome.progress == FfmpegProgress(out_time=2.0, bytes_written=7)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such pipes")
def test_the_log_may_be_far_ahead_of_its_reader() -> None:
    """A song text of 100,000 lines is 300,000 writes, and 16 of them filled the pipe."""
    child = sandbox.start(["/bin/sleep", "60"], [], {}, sandbox.SandboxLevel.NONE)
    try:
        assert child.process.stderr
        assert fcntl.fcntl(child.process.stderr, fcntl.F_GETPIPE_SZ) == 1024 * 1024
    finally:
        child.kill()
        launchers.close_pipes(child.process)
