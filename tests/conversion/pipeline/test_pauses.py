"""Test that a conversion stands still while it is paused, and that its output is the same."""

import time
from pathlib import Path

from libs.core.domain.formats import ConversionOptions
from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.ports import ConversionJob, EngineProgress
from tests.conversion.audio_files import AudioFiles
from tests.conversion.media_support import MemorySink, MemorySource, ffmpeg

PAUSE = 1.5
"""Seconds; FFmpeg alone takes less for the whole source."""


def test_nothing_moves_in_a_pause_and_the_output_is_the_same(
    engine: FfmpegEngine, tmp_path: Path
) -> None:
    source = tmp_path / "long.flac"
    ffmpeg("-f", "lavfi", "-i", "sine=frequency=440:duration=600", source)
    plain, paused = MemorySink(), MemorySink()
    options = ConversionOptions(bitrate="96k")
    engine.convert(ConversionJob("mp3", options, "a"), MemorySource(source), plain, lambda _: None)

    began: list[float] = []
    seen: list[tuple[float, float]] = []

    def note(progress: EngineProgress) -> None:
        if progress.phase == "converting" and progress.percent:
            began.append(time.monotonic())
            seen.append((time.monotonic(), progress.percent))

    def is_paused() -> bool:
        return bool(began) and time.monotonic() - began[0] < PAUSE

    job = ConversionJob("mp3", options, "a", is_paused)
    engine.convert(job, MemorySource(source), paused, note)

    still = {percent for at, percent in seen if 0.4 < at - began[0] < PAUSE}
    assert len(still) == 1, "progress is reported, and stays where it was"
    assert still.pop() < 95
    assert paused.content == plain.content


def test_probing_stands_still_too_and_goes_on(engine: FfmpegEngine, sounds: AudioFiles) -> None:
    reports: list[EngineProgress] = []
    job = ConversionJob("mp3", ConversionOptions(), "a", lambda: len(reports) < 10)
    sink = MemorySink()

    engine.convert(job, MemorySource(sounds.tone("song.mp3")), sink, reports.append)

    assert {report.phase for report in reports[:10]} == {"probing"}
    assert sink.content
