"""Test how the source is fetched while FFmpeg reads it."""

import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from libs.core.domain.uploads import MIB
from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.ports import EngineProgress, MediaError
from services.conversion.storage import source_cache
from services.conversion.storage.memory_file import MemoryFile
from services.conversion.storage.source_cache import SourceCache
from tests.conversion.audio_files import AudioFiles
from tests.conversion.media_support import MemorySource, convert
from tests.fault_injection import eventually

Started = Callable[[], set[int]]
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="memfd exists on Linux only")


def test_the_source_is_read_in_blocks_and_only_once(engine: FfmpegEngine, large: Path) -> None:
    reads = convert(engine, large, "flac").source.reads
    most = source_cache.BLOCKS_OF_A_READ * source_cache.BLOCK_SIZE
    assert max(end - start for start, end in reads) == most
    assert sum(end - start for start, end in reads) < large.stat().st_size + 2 * most
    assert len(reads) <= large.stat().st_size / most + 3


def test_a_file_with_its_index_at_the_end_is_read_only_once(
    engine: FfmpegEngine, sounds: AudioFiles
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


def test_a_slow_source_delays_the_conversion_only(engine: FfmpegEngine, sounds: AudioFiles) -> None:
    source = MemorySource(sounds.tone("song.wav"), delay=1.5)
    made = convert(engine, source, "mp3")
    assert len(made.ticks) >= 6


def test_progress_is_reported_while_the_source_hangs(
    engine: FfmpegEngine, sounds: AudioFiles
) -> None:
    """An exception of the report ends the conversion at once."""

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


def test_ffmpegs_death_is_noticed_while_the_source_hangs(
    engine: FfmpegEngine, sounds: AudioFiles, started: Started
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


@linux_only
def test_ffmpegs_descriptor_of_the_source_can_only_be_read() -> None:
    """A compromised FFmpeg could fill the whole size of the source with memory."""
    with closing(SourceCache(MemorySource(b"content"))) as source:
        assert source.peek(0, 7) == b"content"
        for change in (
            lambda: os.pwrite(source.fd, b"x", 0),
            lambda: os.truncate(source.fd, 1 << 40),
            lambda: os.posix_fallocate(source.fd, 0, 1 << 20),
        ):
            with pytest.raises(OSError, match=r"Bad file|Invalid argument"):
                change()
        assert os.lseek(source.fd, 3, os.SEEK_SET) == source.reader.position == 3


@linux_only
def test_a_memory_file_with_content_is_sealed() -> None:
    with MemoryFile("tags", b"content") as file:
        with pytest.raises(PermissionError):
            os.pwrite(file.fd, b"x", 0)
        with pytest.raises(PermissionError):
            os.ftruncate(file.fd, 1 << 30)
        assert file.read(100) == b"content"
    with MemoryFile("tags") as empty:
        os.pwrite(empty.fd, b"x", 0)
        assert empty.read(100) == b"x"


@linux_only
def test_two_readers_keep_what_each_has_required_last() -> None:
    """One reads on through the source: more blocks than are kept, but for that of the other."""
    block = source_cache.BLOCK_SIZE
    content = bytes(range(256)) * (block // 256) * (source_cache.MAX_BLOCKS + 6)
    with closing(SourceCache(MemorySource(content))) as source, source.another_reader() as other:
        assert source.reader.require(3, 5)
        for number in range(1, source_cache.MAX_BLOCKS + 6):
            assert other.require(number * block, 8)
            assert os.pread(other.fd, 8, number * block) == content[:8]
        assert os.pread(source.fd, 5, 3) == content[3:8]
        assert os.pread(source.fd, 8, 2 * block) == bytes(8), "an old block stays in memory"


@linux_only
def test_interrupting_one_reader_leaves_the_other_waiting() -> None:
    class Slow(MemorySource):
        def read(self, start: int, end: int) -> Iterator[bytes]:
            freed.wait(20)
            return super().read(start, end)

    freed, answers = threading.Event(), dict[str, bool]()
    with closing(SourceCache(Slow(b"content"))) as source, source.another_reader() as other:
        readers = {"one": source.reader, "other": other}
        threads = [
            threading.Thread(target=lambda n=name: answers.update({n: readers[n].require(0, 7)}))
            for name in readers
        ]
        for thread in threads:
            thread.start()
        while not (source.reader.is_waiting and other.is_waiting):
            threading.Event().wait(0.01)
        other.interrupt()
        threads[1].join(5)
        assert answers == {"other": False}
        freed.set()
        threads[0].join(5)
        assert answers == {"other": False, "one": True}


@linux_only
def test_a_read_that_began_before_its_block_was_freed_promises_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its bytes before that are gone. A block that seems to have them would be read as zeros."""
    block = 64 * 1024
    monkeypatch.setattr(source_cache, "BLOCK_SIZE", block)
    content = bytes(range(1, 256)) * block
    first_read, second_read, first_ended = (threading.Event() for _ in range(3))

    class Gated(MemorySource):
        def read(self, start: int, end: int) -> Iterator[bytes]:
            is_second = any(first == 0 for first, _ in self.reads)
            self.reads.append((start, end))
            if start:
                yield content[start:end]
            elif is_second:
                second_read.wait(20)
                yield content[start:end]
            else:
                try:
                    yield content[:1024]
                    first_read.wait(20)
                    yield content[1024:2048]
                finally:
                    first_ended.set()

    with closing(SourceCache(Gated(content))) as source:
        assert source.reader.require(0, 8)
        for number in range(2, 2 * source_cache.MAX_BLOCKS + 4, 2):
            assert source.reader.require(number * block, 8)
        assert os.pread(source.fd, 8, 0) == bytes(8), "the block stays in memory"

        found: list[bytes] = []

        def read() -> None:
            assert source.reader.require(0, 8)
            found.append(os.pread(source.fd, 8, 0))

        reading = threading.Thread(target=read)
        reading.start()
        eventually(lambda: source.reader.is_waiting)
        first_read.set()
        assert first_ended.wait(20)
        second_read.set()
        reading.join(20)
        assert found == [content[:8]]
