"""Test that the output is stored and verified at the same time, and must pass both."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import cast

import pytest

from services.conversion.ffmpeg.process import FfmpegProgress, OnProgress
from services.conversion.pipeline import validation
from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.pipeline.progress_tracker import ProgressTracker
from services.conversion.pipeline.store import store
from services.conversion.ports import MediaError
from services.conversion.storage.multipart_writer import MultipartWriter
from tests.conversion.audio_files import AudioFiles
from tests.conversion.media_support import convert

STORED = ("outputs/x/1", 12, "digest")


class FakeMultipartWriter:
    """Finish as a test says."""

    def __init__(self, finish: Callable[[], None]) -> None:
        self._finish = finish

    def finish(self, step: Callable[[float], None]) -> tuple[str, int, str]:
        step(0.5)
        self._finish()
        return STORED


def stored(
    finish: Callable[[], None], verify: Callable[[OnProgress], float]
) -> tuple[str, int, str, float]:
    output, duration = store(
        cast(MultipartWriter, FakeMultipartWriter(finish)), verify, ProgressTracker(lambda _: None)
    )
    return output.key, output.size, output.sha256, duration


def test_storing_and_verifying_run_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=10)

    def verify(_: OnProgress) -> float:
        both.wait()
        return 2.5

    assert stored(both.wait, verify) == (*STORED, 2.5)  # type: ignore[arg-type]


def test_a_failing_store_ends_the_verification() -> None:
    verifying = threading.Event()
    ended: list[BaseException] = []

    def verify(step: OnProgress) -> float:
        try:
            while step(FfmpegProgress()):
                verifying.set()
                time.sleep(0.01)
        except CancelledError as error:
            ended.append(error)
        return 0.0

    def fail() -> None:
        assert verifying.wait(10)
        raise TimeoutError("S3 is away")

    with pytest.raises(TimeoutError):
        stored(fail, verify)
    assert len(ended) == 1


def test_an_output_that_fails_the_verification_is_refused(
    engine: FfmpegEngine, sounds: AudioFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "check_output", lambda *_: "it has another sample rate")
    with pytest.raises(MediaError, match="internal") as refusal:
        convert(engine, sounds.tone("song.wav"), "mp3")

    assert "another sample rate" in refusal.value.operator_detail
