"""Read the headers of outputs with readers that are not ours."""

import hashlib
import struct
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mutagen.flac import FLAC
from mutagen.mp3 import MP3, BitrateMode

from libs.core.domain.formats import ConversionOptions
from libs.core.domain.uploads import GIB
from libs.core.ports.multipart_uploads import Part
from services.conversion.ffmpeg.profiles import ENCODER_PROFILES
from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.ports import PART_SIZE, ConversionJob, MediaError, OutputSink
from services.conversion.storage.multipart_writer import CONCURRENT_PARTS
from tests.conversion.audio_files import AudioFiles
from tests.conversion.media_support import FFMPEG, MemorySource, convert, listen, samples

Keep = Callable[[str, bytes], Path]


@pytest.mark.parametrize(
    ("options", "mode", "name"),
    [({"bitrate": "128k"}, BitrateMode.CBR, b"Info"), ({"quality": 2}, BitrateMode.VBR, b"Xing")],
)
def test_an_mp3_states_its_mode_duration_and_encoder_delay(
    options: dict[str, str | int],
    mode: BitrateMode,
    name: bytes,
    engine: FfmpegEngine,
    sounds: AudioFiles,
    keep: Keep,
) -> None:
    made = convert(engine, sounds.tone("song.wav"), "mp3", **options)  # type: ignore[arg-type]
    info: Any = MP3(keep("x.mp3", made.content)).info
    assert info.bitrate_mode is mode
    assert not info.sketchy
    at = made.content.index(name)
    flags, frames, size = struct.unpack_from(">III", made.content, at + 4)
    assert flags == 0xF  # frames, bytes, table of contents, quality
    assert frames * 1152 >= 2 * 44100
    assert size == len(made.content) - made.content.index(b"\xff\xfb")
    delay_and_padding = int.from_bytes(made.content[at + 141 : at + 144], "big")
    assert frames * 1152 - (delay_and_padding >> 12) - (delay_and_padding & 0xFFF) == 2 * 44100


def test_a_flac_states_its_samples_and_their_md5(
    engine: FfmpegEngine, sounds: AudioFiles, keep: Keep
) -> None:
    path = keep("x.flac", convert(engine, sounds.tone("song.wav"), "flac").content)
    plain = subprocess.run(
        [FFMPEG, "-v", "error", "-i", path, "-f", "s16le", "-"],
        capture_output=True,
        check=True,
        timeout=60,
    ).stdout
    info: Any = FLAC(path).info
    assert (info.total_samples, info.sample_rate, info.bits_per_sample, info.channels) == (
        2 * 44100,
        44100,
        16,
        2,
    )
    assert (
        info.md5_signature.to_bytes(16, "big") == hashlib.md5(plain, usedforsecurity=False).digest()
    )


@pytest.mark.parametrize("source", ["gapless.mp3", "song.opus", "song.wav"])
def test_a_flac_has_blocks_of_the_default_size(
    source: str, engine: FfmpegEngine, sounds: AudioFiles, keep: Keep
) -> None:
    """FFmpeg's default is the first frame's size: 47 in a gapless MP3, larger than as WAV."""
    path = keep("x.flac", convert(engine, sounds.tone(source), "flac").content)
    info: Any = FLAC(path).info
    assert (info.min_blocksize, info.max_blocksize) == (4608, 4608)


def test_a_small_wav_is_riff_of_the_right_size(engine: FfmpegEngine, sounds: AudioFiles) -> None:
    content = convert(engine, sounds.tone("song.wav"), "wav").content
    at = content.index(b"data")
    assert content[:4] == b"RIFF"
    assert struct.unpack_from("<I", content, 4)[0] == len(content) - 8
    assert struct.unpack_from("<I", content, at + 4)[0] == 2 * 44100 * 4


def test_an_aiff_has_the_right_size(engine: FfmpegEngine, sounds: AudioFiles) -> None:
    content = convert(engine, sounds.tone("song.wav"), "aiff").content
    assert content[:4] == b"FORM"
    assert struct.unpack_from(">I", content, 4)[0] == len(content) - 8


@pytest.mark.parametrize("fmt", ["m4a", "alac"])
def test_an_incomplete_mp4_plays_from_its_beginning(
    fmt: str, engine: FfmpegEngine, sounds: AudioFiles, keep: Keep
) -> None:
    """Play its first three quarters, which a file with its index at the end cannot."""
    content = convert(engine, sounds.tone("longer.flac", seconds=60), fmt).content
    assert content.index(b"moov") < content.index(b"mdat")
    front = samples(keep("front.m4a", content[: len(content) * 3 // 4]))
    assert len(front) / 44100 == pytest.approx(45, abs=3)


def test_an_rf64_states_its_sizes(
    engine: FfmpegEngine, sounds: AudioFiles, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Check a small RF64, whose sizes the muxer writes into the first part at the end."""
    monkeypatch.setitem(
        ENCODER_PROFILES, "wav", replace(ENCODER_PROFILES["wav"], muxer_options=("-rf64", "always"))
    )
    made = convert(
        engine, sounds.tone("large.wav", "-c:a", "pcm_s24le", seconds=70, rate=192000), "wav"
    )
    check_rf64(made.content[:200], len(made.content), 70 * 192000)
    assert 1 in made.sink.order[-CONCURRENT_PARTS:]
    assert listen(keep("x.wav", made.content)).seconds == 70


@pytest.mark.parametrize("fmt", ["wav", "flac", "mp3"])
def test_an_rf64_is_converted(
    fmt: str, engine: FfmpegEngine, sounds: AudioFiles, keep: Keep
) -> None:
    source = sounds.tone("rf64.wav", "-rf64", "always")
    assert source.read_bytes()[:4] == b"RF64"
    made = convert(engine, source, fmt)
    assert listen(keep(f"x.{fmt}", made.content)).seconds == pytest.approx(2, abs=0.01)
    assert made.result.warnings == ()


@pytest.mark.slow
def test_a_wav_beyond_4_gib_is_an_rf64(engine: FfmpegEngine) -> None:
    """Write and hash twelve minutes of eight channels at 192 kHz and 32 bit; some 20 seconds."""
    sink = FakeLargeSink()
    result = engine.convert(
        ConversionJob("wav", ConversionOptions(bit_depth=32), "test"),
        MemorySource(silent_flac(720)),
        sink,
        lambda _: None,
    )
    count = 720 * 192000 // BLOCK * BLOCK
    assert result.size == sink.size == sum(sink.sizes.values()) > 4 * GIB
    assert result.duration == pytest.approx(720, abs=0.5)
    assert result.warnings == ()
    check_rf64(sink.kept[1][:200], result.size, count)
    digest = hashlib.sha256()
    for piece in sink.read_back(0, sink.size):
        digest.update(piece)
    assert result.sha256 == digest.hexdigest()


@pytest.mark.parametrize("seconds", [720])
def test_an_aiff_beyond_4_gib_is_refused_before_encoding(
    seconds: int, engine: FfmpegEngine
) -> None:
    """Check the message: AIFF counts its sizes in 32 bits."""
    sink = FakeLargeSink()
    with pytest.raises(
        MediaError, match=r"4 GiB that aiff can hold\. Choose another format\."
    ) as refusal:
        engine.convert(
            ConversionJob("aiff", ConversionOptions(bit_depth=32), "test"),
            MemorySource(silent_flac(seconds)),
            sink,
            lambda _: None,
        )
    assert refusal.value.code == "too_large"
    assert sink.sizes == {}


def check_rf64(head: bytes, size: int, frames: int) -> None:
    """Check the sizes in the `ds64` chunk and the placeholders elsewhere (EBU Tech 3306)."""
    assert head[:4] == b"RF64"
    assert head[8:16] == b"WAVEds64"
    riff, data, samples = struct.unpack_from("<QQQ", head, 20)
    at = head.index(b"data")
    assert (
        struct.unpack_from("<I", head, 4)[0]
        == struct.unpack_from("<I", head, at + 4)[0]
        == 0xFFFFFFFF
    )
    assert riff == size - 8
    assert data == size - at - 8
    assert samples == frames


BLOCK = 65535


def silent_flac(seconds: int) -> bytes:
    """Return silence of 8 channels at 192 kHz and 24 bit, 42 bytes per 1/3 s (RFC 9639)."""

    def crc(data: bytes, polynomial: int, bits: int) -> bytes:
        value = 0
        for byte in data:
            value ^= byte << (bits - 8)
            for _ in range(8):
                value = (value << 1 ^ (polynomial if value >> (bits - 1) else 0)) & (
                    (1 << bits) - 1
                )
        return value.to_bytes(bits // 8, "big")

    def frame(number: int) -> bytes:
        head = b"\xff\xf8\x73\x7c" + chr(number).encode() + (BLOCK - 1).to_bytes(2, "big")
        head += crc(head, 0x07, 8) + bytes(8 * 4)  # eight constant subframes
        return head + crc(head, 0x8005, 16)

    count = seconds * 192000 // BLOCK
    info = (
        BLOCK.to_bytes(2, "big") * 2
        + bytes(6)
        + (192000 << 44 | 7 << 41 | 23 << 36 | count * BLOCK).to_bytes(8, "big")
        + bytes(16)
    )
    return b"fLaC\x80\0\0\x22" + info + b"".join(map(frame, range(count)))


class FakeLargeSink(OutputSink):
    """Keep the sizes of all parts, and the bytes of those that are not silent."""

    def __init__(self) -> None:
        self.kept: dict[int, bytes] = {}
        self.sizes: dict[int, int] = {}
        self.size = 0

    def stored_parts(self) -> Sequence[Part]:
        return ()

    def put_part(self, number: int, body: bytes | memoryview) -> Part:
        self.sizes[number] = len(body)
        if body != bytes(PART_SIZE):
            self.kept[number] = bytes(body)
        return Part(number, len(body), "")

    def finish(self, parts: Sequence[Part], size: int) -> str:
        assert [part.number for part in parts] == sorted(self.sizes)
        self.size = size
        return "outputs/x/1"

    def finish_small(self, body: bytes) -> str:
        raise AssertionError("it is not small")

    def read_back(self, start: int, end: int) -> Iterator[bytes]:
        for number in range(start // PART_SIZE + 1, -(-end // PART_SIZE) + 1):
            first = (number - 1) * PART_SIZE
            part = memoryview(self.kept.get(number) or bytes(self.sizes[number]))
            yield bytes(part[max(0, start - first) : end - first])
