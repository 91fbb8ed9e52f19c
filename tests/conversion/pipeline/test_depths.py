"""Keep depth and rate, whatever the container says about the track."""

import struct
from pathlib import Path

import numpy as np
import pytest

from libs.core.domain.formats import FORMATS
from services.conversion.pipeline.engine import FfmpegEngine
from tests.conversion.media_support import convert, ffmpeg, listen
from tests.conversion.pcm import decode, tone_levels

DSD_RATE = 2_822_400


@pytest.mark.parametrize(
    "dispositions", ["default", "default+original", "default+forced+dub", "comment", "0"]
)
def test_dispositions_do_not_hide_the_depth(
    dispositions: str, engine: FfmpegEngine, tmp_path: Path
) -> None:
    tone = ("-f", "lavfi", "-i", "sine=d=2", "-c:a", "flac", "-sample_fmt", "s32")
    ffmpeg(*tone, "-disposition:a", dispositions, tmp_path / "x.mka")
    (tmp_path / "out.flac").write_bytes(convert(engine, tmp_path / "x.mka", "flac").content)
    assert listen(tmp_path / "out.flac").bits == 24


def dsf(seconds: float = 0.5) -> bytes:
    """Make a DSF file ("DSF File Format Specification", Sony 2005) with a tone of 440 Hz."""
    count = int(DSD_RATE * seconds) // 32_768 * 32_768
    target = 0.3 * np.sin(np.arange(count) * 2 * np.pi * 440 / DSD_RATE)
    bits, first, second = bytearray(count), 0.0, 0.0
    for index, value in enumerate(target):  # a modulator of the second order
        output = 1.0 if second >= 0 else -1.0
        bits[index] = output > 0
        first += value - output
        second += first - output
    data = np.packbits(np.frombuffer(bytes(bits), np.uint8), bitorder="little").tobytes()
    fmt = struct.pack("<4sQIIIIIIQII", b"fmt ", 52, 1, 0, 1, 1, DSD_RATE, 1, count, 4096, 0)
    chunk = b"data" + struct.pack("<Q", 12 + len(data)) + data
    return struct.pack("<4sQQQ", b"DSD ", 28, 28 + len(fmt) + len(chunk), 0) + fmt + chunk


@pytest.mark.parametrize("fmt", FORMATS)
def test_dsd_is_shown_as_it_is_and_becomes_pcm_of_24_bits(
    fmt: str, engine: FfmpegEngine, tmp_path: Path
) -> None:
    made = convert(engine, dsf(), fmt)
    source = made.ticks[-1].source
    assert source is not None
    assert (source.sample_rate, source.bit_depth) == (DSD_RATE, 1)
    output = tmp_path / f"out.{FORMATS[fmt].extension}"
    output.write_bytes(made.content)
    heard, pcm = listen(output), decode(output)
    if FORMATS[fmt].lossless:
        assert (heard.bits, heard.sample_rate) == (24, 88_200)
    middle = pcm.samples[0][len(pcm.samples[0]) // 4 : -len(pcm.samples[0]) // 4]
    assert tone_levels(middle, pcm.sample_rate, [440])[440] == pytest.approx(-10.5, abs=1)
    details = [w.detail for w in made.result.warning_details if w.code == "resampled"]
    assert details == [
        f"The sound was converted from DSD (2822400 Hz, 1 bit) to PCM at {heard.sample_rate} Hz."
    ]


@pytest.mark.parametrize("fmt", [name for name, each in FORMATS.items() if each.bitrates])
def test_a_bitrate_that_the_encoder_cannot_reach_is_said(
    fmt: str, engine: FfmpegEngine, tmp_path: Path
) -> None:
    """320 kbit/s at 8 kHz is more than most encoders can use."""
    noise = "anoisesrc=r=8000:d=4:a=0.5:seed=1"
    ffmpeg("-f", "lavfi", "-i", noise, tmp_path / "noise.wav")
    made = convert(engine, tmp_path / "noise.wav", fmt, bitrate="320k")
    reached = made.result.size * 8 / made.result.duration
    codes = {warning.code for warning in made.result.warning_details}
    assert "bitrate_limited" in codes or reached > 0.9 * 320_000
