"""The way of the bytes: parts, hashes, memory, retries, ends."""

import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from libs.core.domain.formats import FORMATS, ConversionOptions
from libs.core.domain.uploads import MIB
from libs.core.errors import StorageUnavailable
from libs.core.ports.multipart_uploads import Part
from services.conversion.ffmpeg.process import FfmpegProcess
from services.conversion.pipeline import pipeline, progress_tracker
from services.conversion.pipeline.engine import FfmpegEngine, Limits
from services.conversion.ports import PART_SIZE, ConversionJob, EngineProgress, MediaError
from services.conversion.storage import multipart_writer, source_cache
from tests.conversion.engine.conftest import Sounds
from tests.conversion.engine.support import (
    FFMPEG,
    MemorySink,
    MemorySource,
    convert,
    ffmpeg,
    listen,
    part_of,
)

Started = Callable[[], set[int]]


@pytest.mark.parametrize("fmt", FORMATS)
def test_a_repetition_makes_the_same_bytes(fmt: str, engine: FfmpegEngine, sounds: Sounds) -> None:
    source = sounds.tagged("m.mp3", "-id3v2_version", "3", cover=True)
    first, second = (convert(engine, source, fmt, normalize=-20.0).content for _ in range(2))
    assert first == second


@pytest.fixture(scope="session")
def large(sounds: Sounds) -> Path:
    """70 s of stereo at 192 kHz and 24 bit: 77 MiB, ten parts as WAV."""
    return sounds.tone("large.wav", "-c:a", "pcm_s24le", seconds=70, rate=192000)


def test_a_large_output_goes_in_parts_the_first_one_last(
    engine: FfmpegEngine, large: Path, tmp_path: Path
) -> None:
    """The same bytes as plain FFmpeg writes to a disk; too many to be kept: what was freed is read back for the hash, and no more."""
    made = convert(engine, large, "wav")
    ffmpeg(
        "-i",
        large,
        "-c:a",
        "pcm_s24le",
        "-rf64",
        "auto",
        "-fflags",
        "+bitexact",
        "-flags",
        "+bitexact",
        tmp_path / "plain.wav",
    )
    assert made.content == (tmp_path / "plain.wav").read_bytes()
    assert len(made.sink.order) == 10
    assert (
        1 in made.sink.order[-multipart_writer.CONCURRENT_PARTS :]
    )  # it was sent last; those already on their way may arrive after it
    assert {len(part) for number, part in made.sink.parts.items() if number < 10} == {PART_SIZE}
    assert PART_SIZE <= sum(end - start for start, end in made.sink.read_backs) <= 2 * PART_SIZE
    assert any(tick.phase == "converting" for tick in made.ticks)


def test_what_was_freed_is_read_back_in_pieces_and_hashed_in_its_order(
    engine: FfmpegEngine, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multipart_writer, "KEPT_BYTES", 0)
    made = convert(engine, large, "wav")  # which compares the hash
    pieces = sorted(made.sink.read_backs)
    assert len(pieces) > multipart_writer.CONCURRENT_PARTS
    assert pieces[0][0] == PART_SIZE
    assert all(before[1] == after[0] for before, after in itertools.pairwise(pieces))
    assert {end - start for start, end in pieces} == {multipart_writer.READ_BACK_SIZE}


def test_what_fits_into_memory_is_not_read_back(engine: FfmpegEngine, large: Path) -> None:
    assert convert(engine, large, "flac").sink.read_backs == []


def test_formats_that_never_go_back_are_hashed_as_they_go(
    engine: FfmpegEngine, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multipart_writer, "KEPT_BYTES", 0)
    monkeypatch.setattr(multipart_writer, "PART_SIZE", MIB)
    monkeypatch.setattr(pipeline, "PART_SIZE", MIB)
    made = convert(engine, large, "ac3", bitrate="320k")
    assert made.sink.read_backs == []
    assert len(made.sink.parts) == 3
    assert made.sink.order[0] == 1


def test_parts_that_are_there_already_are_not_sent_again(engine: FfmpegEngine, large: Path) -> None:
    first = convert(engine, large, "wav")
    there = [part_of(number, body) for number, body in first.sink.parts.items() if number != 4]
    there.append(Part(4, PART_SIZE, "0" * 32))  # of another making
    sink = MemorySink(there=there, parts=dict(first.sink.parts))
    assert convert(engine, large, "wav", sink).content == first.content
    assert sink.order == [4]


def test_the_index_of_an_mp4_is_in_front_small_and_fits_at_once(
    engine: FfmpegEngine, sounds: Sounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []
    encode = pipeline.ConversionPipeline._encode

    def count(self: pipeline.ConversionPipeline, *rest: Any) -> Any:
        opened.append(1)
        return encode(self, *rest)

    monkeypatch.setattr(pipeline.ConversionPipeline, "_encode", count)
    content = convert(engine, sounds.tone("longer.flac", seconds=60), "m4a").content
    assert 0 < (index := content.index(b"moov")) < content.index(b"mdat")
    assert int.from_bytes(content[index - 4 : index], "big") < 60 * 44100 / 1024 * 4.1 + 1500
    assert len(opened) == 1


def test_a_converter_that_dies_while_its_source_hangs_is_noticed(
    engine: FfmpegEngine, sounds: Sounds, started: Started
) -> None:
    class Hanging(MemorySource):
        def read(self, start: int, end: int) -> Iterator[bytes]:
            freed.wait(20)
            return super().read(start, end)

    def kill(_: EngineProgress) -> None:
        for child in started():
            os.kill(child, signal.SIGKILL)

    freed, began = threading.Event(), time.monotonic()
    try:
        with pytest.raises(MediaError):
            convert(engine, Hanging(sounds.tone("song.wav")), "mp3", tick=kill)
        assert time.monotonic() - began < 5
    finally:
        freed.set()


def test_gapless_sound_stays_gapless(engine: FfmpegEngine, sounds: Sounds, tmp_path: Path) -> None:
    """MP3 and AAC add silence at both ends and note how much: sample by sample, nothing of it is left."""
    for fmt in ("mp3", "m4a", "opus", "ogg"):
        (tmp_path / f"a.{fmt}").write_bytes(convert(engine, sounds.tone("song.wav"), fmt).content)
        (tmp_path / "b.flac").write_bytes(convert(engine, tmp_path / f"a.{fmt}", "flac").content)
        heard = listen(tmp_path / "b.flac")
        assert heard.seconds * heard.sample_rate == pytest.approx(2 * heard.sample_rate, abs=1)


def test_an_index_that_did_not_fit_in_front_gets_more_room(
    engine: FfmpegEngine, sounds: Sounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "_INDEX_BYTES_PER_FRAME", 0.1)
    monkeypatch.setattr(pipeline, "_INDEX_SLACK", 1000)
    again = convert(engine, sounds.tone("longer.wav", seconds=60), "m4a").content
    assert 0 < again.index(b"moov") < again.index(b"mdat")


def test_ffmpeg_waits_when_the_store_is_slow(
    engine: FfmpegEngine, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise all of the output would lie in memory."""
    sizes: list[int] = []
    pump = multipart_writer.MultipartWriter.send_finished_parts

    def watch(self: multipart_writer.MultipartWriter) -> bool:
        sizes.append(os.fstat(self.fd).st_blocks * 512)
        return pump(self)

    monkeypatch.setattr(multipart_writer, "KEPT_BYTES", 16 * MIB)
    monkeypatch.setattr(multipart_writer.MultipartWriter, "send_finished_parts", watch)
    convert(engine, large, "wav", MemorySink(delay=0.4))
    assert max(sizes) < 66 * MIB


def test_the_source_is_read_in_blocks_and_only_once(engine: FfmpegEngine, large: Path) -> None:
    reads = convert(engine, large, "flac").source.reads
    assert max(end - start for start, end in reads) == source_cache.BLOCK_SIZE
    assert (
        sum(end - start for start, end in reads)
        < large.stat().st_size + 3 * source_cache.BLOCK_SIZE
    )


def test_a_film_with_its_index_at_the_end_is_not_read_twice(
    engine: FfmpegEngine, sounds: Sounds
) -> None:
    film = sounds.video(
        "large.mp4",
        "-t",
        "2",
        "-c:v",
        "rawvideo",
        "-pix_fmt",
        "yuv420p",
        "-f",
        "mov",
        "-c:a",
        "pcm_s16le",
    )
    assert film.read_bytes().rindex(b"moov") > 4 * MIB
    made = convert(engine, film, "flac")
    assert made.result.duration == pytest.approx(2, abs=0.1)
    assert sum(end - start for start, end in made.source.reads) < 2 * film.stat().st_size


def test_a_slow_source_only_takes_longer(engine: FfmpegEngine, sounds: Sounds) -> None:
    source = MemorySource(sounds.tone("song.wav"), delay=1.5)
    made = convert(engine, source, "mp3")
    assert len(made.ticks) >= 6


def test_ticks_come_while_the_source_hangs(engine: FfmpegEngine, sounds: Sounds) -> None:
    """And a tick that raises gets out of it at once."""

    class Hanging(MemorySource):
        def read(self, start: int, end: int) -> Iterator[bytes]:
            freed.wait(20)
            return super().read(start, end)

    class Enough(Exception):
        pass

    def count(_: EngineProgress) -> None:
        if next(calls) > 8:
            raise Enough

    freed, calls, began = threading.Event(), itertools.count(), time.monotonic()
    try:
        with pytest.raises(Enough):
            convert(engine, Hanging(sounds.tone("song.wav")), "mp3", tick=count)
        assert time.monotonic() - began < 4
    finally:
        freed.set()


def test_a_store_that_fails_ends_it(engine: FfmpegEngine, large: Path) -> None:
    class Broken(MemorySink):
        def put_part(self, number: int, body: bytes | memoryview) -> Part:
            raise StorageUnavailable("S3 is away")

    with pytest.raises(StorageUnavailable):
        convert(engine, large, "wav", Broken())


@pytest.mark.parametrize("when", [0, 1, 2, 3, 5, 8])
def test_stopping_leaves_nothing_behind(
    when: int, engine: FfmpegEngine, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No child, no descriptor (see `started`), and soon."""
    monkeypatch.setattr(
        progress_tracker, "EVERY", 0.0
    )  # every look is a moment to stop at, however quick the machine

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


def test_a_converter_that_crashes_is_the_files_fault(sounds: Sounds, started: Started) -> None:
    """As the kernel ends it at a wild pointer: a hole that somebody found."""

    def crash(tick: EngineProgress) -> None:
        if tick.phase == "converting":
            for child in started():
                os.kill(child, signal.SIGSEGV)

    with pytest.raises(MediaError) as refusal:
        convert(FfmpegEngine(), sounds.tone("longer.wav", seconds=60), "m4a", tick=crash)
    assert refusal.value.code == "corrupt"
    assert "signal 11" in refusal.value.operator_detail


def test_a_converter_that_hangs_is_given_up(sounds: Sounds, started: Started) -> None:
    def hang(tick: EngineProgress) -> None:
        if tick.phase == "converting":
            for child in started():
                os.kill(child, signal.SIGSTOP)

    with pytest.raises(MediaError) as refusal:
        convert(
            FfmpegEngine(limits=Limits(stall=1.0)),
            sounds.tone("longer.wav", seconds=60),
            "m4a",
            tick=hang,
        )
    assert refusal.value.code == "timed_out"


def test_one_that_takes_too_long_is_given_up(sounds: Sounds) -> None:
    limits = Limits(wall_floor=0.5, wall_per_second=0.001)
    with pytest.raises(MediaError) as refusal:
        convert(FfmpegEngine(limits=limits), sounds.tone("long.wav", seconds=120), "m4a")
    assert refusal.value.code == "timed_out"


def test_a_result_that_grows_too_large_is_given_up(sounds: Sounds) -> None:
    with pytest.raises(MediaError) as refusal:
        convert(
            FfmpegEngine(limits=Limits(max_output=MIB)),
            sounds.tone("longer.wav", seconds=60),
            "wav",
        )
    assert refusal.value.code == "too_large"


def test_words_without_end_do_not_fill_the_memory() -> None:
    """A converter that is made to complain forever: its words are read and forgotten, but for the last."""
    lines = (
        "import sys\nfor n in range(200_000): sys.stderr.write(f'[error] {n} ' + 'x' * 300 + '\\n')"
    )
    with open(os.devnull, "rb") as nothing:
        run = FfmpegProcess(
            [sys.executable, "-I", "-S", "-c", lines],
            [nothing.fileno()],
            {},
            max_seconds=60,
            max_stall=60,
        )
        outcome = run.run(lambda _progress: True)
    assert outcome.ok
    assert len(outcome.log.messages) == 60
    assert sum(map(len, outcome.log.messages)) < 64 * 1024


def test_the_recipe_names_all_that_the_bytes_depend_on(engine: FfmpegEngine) -> None:
    jobs = [
        ConversionJob("mp3", ConversionOptions(), "a"),
        ConversionJob("mp3", ConversionOptions(bitrate="96k"), "a"),
        ConversionJob("m4a", ConversionOptions(), "a"),
    ]
    assert len({engine.recipe(job) for job in jobs}) == 3
    assert engine.recipe(jobs[0]) == FfmpegEngine(FFMPEG).recipe(
        ConversionJob("mp3", ConversionOptions(), "another")
    )


def test_an_ffmpeg_that_is_missing_says_so_at_once() -> None:
    with pytest.raises(RuntimeError, match="does not run"):
        _ = FfmpegEngine("/nowhere/ffmpeg").version
