"""The output is stored and looked at, both at once; only what passes both is a result."""

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
from tests.conversion.engine.conftest import Sounds
from tests.conversion.engine.support import convert

STORED = ("outputs/x/1", 12, "digest")


class FakeOutbox:
    """Stores as a test says."""

    def __init__(self, finish: Callable[[], None]) -> None:
        self._finish = finish

    def finish(self, step: Callable[[float], None]) -> tuple[str, int, str]:
        step(0.5)
        self._finish()
        return STORED


def stored(
    finish: Callable[[], None], verify: Callable[[OnProgress], float]
) -> tuple[str, int, str, float]:
    return store(cast(MultipartWriter, FakeOutbox(finish)), verify, ProgressTracker(lambda _: None))


def test_neither_waits_for_the_other() -> None:
    both = threading.Barrier(2, timeout=10)

    def verify(_: OnProgress) -> float:
        both.wait()
        return 2.5

    assert stored(both.wait, verify) == (*STORED, 2.5)  # type: ignore[arg-type]  # its return value is nobody's


def test_a_store_that_fails_ends_the_look_soon() -> None:
    looked = threading.Event()
    ended: list[BaseException] = []

    def verify(step: OnProgress) -> float:
        try:
            while step(FfmpegProgress()):
                looked.set()
                time.sleep(0.01)
        except CancelledError as error:
            ended.append(error)
        return 0.0

    def fail() -> None:
        assert looked.wait(10)
        raise TimeoutError("S3 is away")

    with pytest.raises(TimeoutError):
        stored(fail, verify)
    assert len(ended) == 1


def test_a_result_that_does_not_stand_the_look_is_none(
    engine: FfmpegEngine, sounds: Sounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "check_output", lambda *_: "it has another sample rate")
    with pytest.raises(MediaError, match="internal") as refusal:
        convert(engine, sounds.tone("song.wav"), "mp3")

    assert "another sample rate" in refusal.value.operator_detail
