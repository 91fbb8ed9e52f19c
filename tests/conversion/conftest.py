"""Provide in-memory services, audio files, and a check for leaked processes and descriptors."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import stamina

from services.conversion.ffmpeg.process import FfmpegProcess, FfmpegResult, OnProgress
from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.storage import object_source, retry
from tests.conversion.audio_files import AudioFiles
from tests.conversion.support import ConversionEnvironment
from tests.fault_injection import eventually


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> Iterator[ConversionEnvironment]:
    """Provide the service with everything in memory; retries do not wait."""
    monkeypatch.setattr(object_source, "READ_PAUSES", (0.0,) * len(object_source.READ_PAUSES))
    with stamina.set_testing(True, attempts=retry.ATTEMPTS):
        yield ConversionEnvironment()


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> AudioFiles:
    """Provide audio files."""
    return AudioFiles(tmp_path_factory.mktemp("sounds"))


@pytest.fixture(scope="session")
def large(sounds: AudioFiles) -> Path:
    """Provide 70 s of stereo at 192 kHz and 24 bit: 77 MiB, ten parts as WAV."""
    return sounds.tone("large.wav", "-c:a", "pcm_s24le", seconds=70, rate=192000)


@pytest.fixture(scope="session")
def engine() -> FfmpegEngine:
    """Provide an engine with the packaged FFmpeg."""
    return FfmpegEngine()


@pytest.fixture
def keep(tmp_path: Path) -> Callable[[str, bytes], Path]:
    """Provide a function that writes a result to a file, for plain FFmpeg and mutagen."""

    def write(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Provide the names of all system calls that the sandbox refuses to FFmpeg during the test."""
    names: list[str] = []
    run = FfmpegProcess.run

    def recorded(self: FfmpegProcess, on_progress: OnProgress) -> FfmpegResult:
        result = run(self, on_progress)
        names.extend(result.refused)
        return result

    monkeypatch.setattr(FfmpegProcess, "run", recorded)
    return names


@pytest.fixture
def started() -> Iterator[Callable[[], set[int]]]:
    """Provide a function that returns the child processes that the test has started.

    Fails the test if it leaves a child process or an open descriptor behind.
    """
    descriptors, others = _count_descriptors(), _children()
    yield lambda: _children() - others
    # Large memory files are closed in another thread.
    eventually(lambda: _count_descriptors() <= descriptors)
    assert _children() <= others


def _count_descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def _children() -> set[int]:
    """Return the child processes of this process, including those that nobody has waited for."""
    found: set[int] = set()
    for task in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread has ended meanwhile
            found.update(map(int, task.read_text().split()))
    return found
