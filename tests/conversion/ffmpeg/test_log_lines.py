"""Test that strangers' text in FFmpeg's log is not taken for FFmpeg's own lines."""

import mmap
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutagen import id3

from libs.core.domain.uploads import MIB
from services.conversion.ffmpeg.log import FfmpegLog, FfmpegLogParser
from services.conversion.ffmpeg.log_lines import LineAssembler, LogLine, parse_line
from services.conversion.pipeline.engine import FfmpegEngine
from tests.conversion.audio_files import AudioFiles
from tests.conversion.media_support import convert, listen
from tests.conversion.sandbox.worker_process import WorkerProcess

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="pipes have no packets elsewhere")

FORGED = [
    "[error] reserved_moov_size is too small, needed 1050000000 additional",
    "[ipod @ 0x55d8d4225000] [error] reserved_moov_size is too small, needed 1050000000 additional",
    "[in#0/mp3 @ 0x55] [error] corrupt input packet in stream 0",
    "[mov @ 0x55] [error] stream 0, offset 0x30: partial file",
    "[info] Input #0, evil, from 'fd:':",
    "[info]   Duration: 99:00:00.00, start: 0.000000, bitrate: 1 kb/s",
    "[info]   Stream #0:0: Audio: pcm_s16le, 8000 Hz, 8 channels, s16, 1 kb/s",
    "[in#0/mp3 @ 0x55] [verbose]   Input stream #0:0 (audio): 1 packets read (1 bytes); "
    "1 frames decoded; 99 decode errors (7 samples); ",
    "[out#0/ipod @ 0x55] [verbose]   Output stream #0:0 (audio): 1 frames encoded (7 samples);",
    "[Parsed_astats_0 @ 0x55] [info] Peak level dB: 99.0",
    "[af#0:0 @ 0x55] [info] Reconfiguring filter graph because audio parameters changed to x",
    '[Parsed_loudnorm_0 @ 0x55] [info] {"input_i": "-1"}',
    "[aac @ 0x55] [error] Codec (aac) not on whitelist 'x'",
]


def assemble(packets: list[bytes]) -> list[LogLine]:
    """Return the lines that the packets make."""
    assembler = LineAssembler()
    return [line for packet in packets if (line := assembler.feed(packet))]


def parse(packets: list[bytes]) -> FfmpegLog:
    """Return the facts that the packets state."""
    parser = FfmpegLogParser()
    for line in assemble(packets):
        parser.feed(line)
    return parser.log


def test_a_line_consists_of_components_a_level_and_text() -> None:
    assert assemble(
        [b"[aist#0:0/flac @ 0x5a] ", b"[dec:flac @ 0x5b] ", b"[verbose] ", b"Star", b"ting\n"]
    ) == [LogLine(("aist#0:0/flac", "dec:flac"), "verbose", "Starting")]


def test_components_without_end_take_no_memory() -> None:
    assembler = LineAssembler()

    for _ in range(1_000):
        assert assembler.feed(b"[x @ 0x1] ") is None
    line = [assembler.feed(packet) for packet in (b"[info] ", b"text\n")][-1]

    assert line
    assert len(line.components) == 8


@pytest.mark.parametrize("forged", FORGED)
def test_a_line_end_within_a_write_begins_no_line(forged: str) -> None:
    """A tag's name is printed by one write, with its line ends in it."""
    name = f"    x\n{forged}\n{forged}: ".encode()
    value = forged.encode()
    lines = [b"[info] ", name, value, b"\n                    : ", value, b"\n"]
    assert parse(lines) == parse([])


@pytest.mark.parametrize("forged", FORGED)
def test_a_long_write_that_is_split_begins_no_line(forged: str) -> None:
    """The kernel splits a write of more than a page, and the file chooses where."""
    for size in {4096, mmap.PAGESIZE}:
        first = b"x" * (size - 1) + b"\n"
        packets = [b"[info] ", first, *_split_like_ffmpeg(forged), b": \n"]
        assert parse(packets) == parse([])


def _split_like_ffmpeg(line: str) -> list[bytes]:
    """Split a line as FFmpeg writes it, each part filled up to a whole packet or not."""
    head, _, text = line.rpartition("] ")
    parts = [f"{part}] " for part in head.split("] ")]
    return [*(part.encode() for part in parts), f"{text}\n".encode()]


def test_a_message_that_quotes_another_one_states_nothing() -> None:
    quoted = b"Unknown tag: stream 0, offset 0x30: partial file\n"
    log = parse([b"[mp3 @ 0x5] ", b"[warning] ", quoted])
    assert log.messages
    assert not log.is_truncated
    moov = b"reserved_moov_size is too small, needed 9 additional\n"
    assert parse([b"[mp3 @ 0x5] ", b"[error] ", moov]).missing_index_bytes == 0
    assert parse([b"[ipod @ 0x5] ", b"[error] ", moov]).missing_index_bytes == 9


def test_numbers_are_bounded() -> None:
    message = "[ipod @ 0x5] [error] reserved_moov_size is too small, needed {} additional"
    for digits in (9, 30, 5000):
        parser = FfmpegLogParser()
        parser.feed(parse_line(message.format("9" * digits)))
        assert parser.log.missing_index_bytes <= 128 * MIB


@given(st.lists(st.binary(max_size=300) | st.sampled_from([b"[info] ", b"[a @ 0x1] ", b"\n"])))
def test_any_packets_are_assembled(packets: list[bytes]) -> None:
    for line in assemble(packets):
        assert len(line.message) <= 4096
        assert "\n" not in line.text
    parse(packets)


@given(st.text())
def test_any_line_is_parsed(text: str) -> None:
    line = parse_line(text)
    FfmpegLogParser().feed(line)
    assert str(line)


def forge_tags(path: Path) -> None:
    """Put the forged lines into the names and values of tags."""
    frames: Any = id3  # it has no types
    tags = frames.ID3(path)
    text = "\n".join(["x", *FORGED])
    tags.add(frames.TIT2(encoding=3, text=text))
    for number, forged in enumerate(FORGED):
        filled = "x" * (4096 - 6 - len(str(number)))
        for name in (f"{number}\n{forged}\n", f"{number}{filled}\n{forged}\n"):
            tags.add(frames.TXXX(encoding=3, desc=name, text=text))
    tags.save(path)


@linux_only
def test_tags_cannot_imitate_the_log(
    engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    """The same file without these tags makes the same output, of the same source."""
    plain, path = sounds.tone("plain.mp3"), tmp_path / "forged.mp3"
    path.write_bytes(plain.read_bytes())
    forge_tags(path)

    made, reference = convert(engine, path, "m4a"), convert(engine, plain, "m4a")
    lost = [warning for warning in made.result.warnings if "tags" not in warning]
    assert lost == list(reference.result.warnings)
    assert made.result.duration == reference.result.duration
    source, expected = made.ticks[-1].source, reference.ticks[-1].source
    assert source
    assert expected
    assert (source.codec, source.sample_rate, source.channels) == (
        expected.codec, expected.sample_rate, expected.channels,
    )  # fmt: skip
    assert source.duration == pytest.approx(expected.duration, abs=0.1)


@linux_only
def test_a_tag_that_asks_for_a_gigabyte_gets_none(sounds: AudioFiles, tmp_path: Path) -> None:
    """A title made the worker reserve 1 GB for an index, and fill it."""
    path = sounds.tone("moov.flac", "-metadata", f"title={FORGED[0]}")
    (tmp_path / "song").write_bytes(path.read_bytes())
    with WorkerProcess() as worker:
        answer = worker.convert(tmp_path / "song", "m4a")
    assert answer.code == ""
    assert answer.memory < 200 * MIB
    assert (tmp_path / "song.out").stat().st_size < MIB
    assert listen(tmp_path / "song.out").seconds == pytest.approx(2, abs=0.05)
