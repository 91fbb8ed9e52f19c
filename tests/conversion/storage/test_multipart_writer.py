"""Test how the output is sent in parts, hashed and freed."""

import hashlib
import itertools
import os
import threading
from contextlib import closing
from pathlib import Path

import pytest

from libs.core.domain.formats import ConversionOptions
from libs.core.domain.uploads import MIB
from libs.core.errors import StorageUnavailable
from libs.core.ports.multipart_uploads import Part
from services.conversion.pipeline import encode
from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.ports import PART_SIZE, ConversionJob, EngineProgress, MediaError
from services.conversion.storage import multipart_writer
from services.conversion.storage.multipart_writer import MultipartWriter
from tests.conversion.media_support import (
    MemorySink,
    MemorySource,
    convert,
    ffmpeg,
    part_of,
)
from tests.fault_injection import eventually


def test_a_large_output_is_sent_in_parts_and_the_first_part_last(
    engine: FfmpegEngine, large: Path, tmp_path: Path
) -> None:
    """The bytes are those of plain FFmpeg, and only what was freed is read back for the hash."""
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
    )  # parts that were in flight may arrive after it
    assert {len(part) for number, part in made.sink.parts.items() if number < 10} == {PART_SIZE}
    assert PART_SIZE <= sum(end - start for start, end in made.sink.read_backs) <= 2 * PART_SIZE
    assert any(tick.phase == "converting" for tick in made.ticks)


def test_freed_parts_are_read_back_in_order_for_the_hash(
    engine: FfmpegEngine, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multipart_writer, "KEPT_BYTES", 0)
    made = convert(engine, large, "wav")  # `convert` compares the hash
    pieces = sorted(made.sink.read_backs)
    assert len(pieces) > multipart_writer.CONCURRENT_PARTS
    assert pieces[0][0] == PART_SIZE
    assert all(before[1] == after[0] for before, after in itertools.pairwise(pieces))
    assert {end - start for start, end in pieces} == {multipart_writer.READ_BACK_SIZE}


def test_nothing_is_read_back_in_a_pause_and_the_hash_is_the_same(
    engine: FfmpegEngine, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A paused conversion went on to read 15 GB, beside those that had the slots."""
    monkeypatch.setattr(multipart_writer, "KEPT_BYTES", 0)
    sink, reports = MemorySink(), list[int]()

    def is_paused() -> bool:
        return bool(sink.read_backs) and len(reports) < 10

    def note(_: EngineProgress) -> None:
        if is_paused():
            reports.append(len(sink.read_backs))

    job = ConversionJob("wav", ConversionOptions(), "a", is_paused)
    result = engine.convert(job, MemorySource(large), sink, note)

    assert len(reports) == 10, "nothing renews the lease in a pause"
    assert reports[-1] <= 2 * multipart_writer.CONCURRENT_PARTS < len(sink.read_backs)
    assert result.sha256 == hashlib.sha256(sink.content or b"").hexdigest()


def test_what_is_hashed_from_memory_does_not_wait_in_a_pause(
    engine: FfmpegEngine, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is short, as the rest of storing is."""
    monkeypatch.setattr(multipart_writer, "KEPT_BYTES", 1024 * MIB)
    reports = list[str]()

    def is_paused() -> bool:
        return reports.count("storing") in range(1, 40)

    job = ConversionJob("wav", ConversionOptions(), "a", is_paused)
    sink = MemorySink()
    result = engine.convert(job, MemorySource(large), sink, lambda now: reports.append(now.phase))

    assert is_paused(), "it waited until the pause was over"
    assert not sink.read_backs
    assert result.sha256 == hashlib.sha256(sink.content or b"").hexdigest()


def test_an_output_that_fits_into_memory_is_not_read_back(
    engine: FfmpegEngine, large: Path
) -> None:
    assert convert(engine, large, "flac").sink.read_backs == []


def test_a_muxer_that_never_seeks_is_hashed_while_it_writes(
    engine: FfmpegEngine, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multipart_writer, "KEPT_BYTES", 0)
    monkeypatch.setattr(multipart_writer, "PART_SIZE", MIB)
    monkeypatch.setattr(encode, "PART_SIZE", MIB)
    made = convert(engine, large, "ac3", bitrate="320k")
    assert made.sink.read_backs == []
    assert len(made.sink.parts) == 3
    assert made.sink.order[0] == 1


def test_stored_parts_with_the_same_content_are_not_sent_again(
    engine: FfmpegEngine, large: Path
) -> None:
    first = convert(engine, large, "wav")
    there = [part_of(number, body) for number, body in first.sink.parts.items() if number != 4]
    there.append(Part(4, PART_SIZE, "0" * 32))  # other content
    sink = MemorySink(there=there, parts=dict(first.sink.parts))
    assert convert(engine, large, "wav", sink).content == first.content
    assert sink.order == [4]


def test_ffmpeg_waits_while_the_store_is_slow(
    engine: FfmpegEngine, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the whole output would be in memory."""
    sizes: list[int] = []
    pump = multipart_writer.MultipartWriter.send_finished_parts

    def watch(self: multipart_writer.MultipartWriter) -> bool:
        sizes.append(os.fstat(self.fd).st_blocks * 512)
        return pump(self)

    monkeypatch.setattr(multipart_writer, "KEPT_BYTES", 16 * MIB)
    monkeypatch.setattr(multipart_writer.MultipartWriter, "send_finished_parts", watch)
    convert(engine, large, "wav", MemorySink(delay=0.4))
    assert max(sizes) < 66 * MIB


def test_copies_of_parts_take_at_most_24_mib_while_the_store_is_slow(
    engine: FfmpegEngine, large: Path
) -> None:
    class Counting(MemorySink):
        copied = most = 0
        lock = threading.Lock()

        def put_part(self, number: int, body: bytes | memoryview) -> Part:
            with self.lock:
                self.copied += len(body)
                self.most = max(self.most, self.copied)
            stored = super().put_part(number, body)
            with self.lock:
                self.copied -= len(body)
            return stored

    sink = Counting(delay=0.4)
    convert(engine, large, "wav", sink)
    assert PART_SIZE <= sink.most <= 24 * MIB


def test_a_failing_store_ends_the_conversion(engine: FfmpegEngine, large: Path) -> None:
    class Broken(MemorySink):
        def put_part(self, number: int, body: bytes | memoryview) -> Part:
            raise StorageUnavailable("S3 is away")

    with pytest.raises(StorageUnavailable):
        convert(engine, large, "wav", Broken())


def test_a_part_that_is_written_to_after_it_was_freed_ends_the_conversion(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would be wrong in S3, and a compromised FFmpeg could fill our memory in this way."""
    monkeypatch.setattr(multipart_writer, "KEPT_BYTES", 0)
    with closing(MultipartWriter(MemorySink(), 1)) as writer:
        os.pwrite(writer.fd, bytes(4 * PART_SIZE), 0)
        eventually(lambda: writer.send_finished_parts() and writer._freed == 4)
        assert os.fstat(writer.fd).st_blocks * 512 == PART_SIZE

        os.pwrite(writer.fd, b"x", 3 * PART_SIZE)
        with pytest.raises(MediaError, match="internal"):
            writer.send_finished_parts()
        with pytest.raises(MediaError, match="internal"):
            writer.end_writing()


def test_the_maximum_size_of_the_output_follows_the_parts_that_were_sent() -> None:
    """The kernel enforces it, should FFmpeg write on before it can be stopped."""
    ahead = multipart_writer.MAX_UNSENT_PARTS * PART_SIZE
    with closing(MultipartWriter(MemorySink(), 0)) as writer:
        assert writer.max_size == ahead
        os.pwrite(writer.fd, bytes(3 * PART_SIZE), 0)
        writer.send_finished_parts()
        assert writer.max_size == 3 * PART_SIZE + ahead
