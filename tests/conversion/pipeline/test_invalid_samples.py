"""Convert floating point samples that are no numbers, to every format."""

import struct
from pathlib import Path

import numpy as np
import pytest

from libs.core.domain.formats import FORMATS
from services.conversion.pipeline.engine import FfmpegEngine
from tests.conversion.media_support import convert
from tests.conversion.pcm import decode

RATE = 44_100
INVALID = {"NaN": np.nan, "Inf": np.inf, "-Inf": -np.inf, "too large": 3e38}


def float_wav(value: float, bits: str = "<f4") -> bytes:
    """Make a tone of a second whose samples 1000 to 1100 have this value."""
    samples = 0.3 * np.sin(np.arange(RATE) * 0.05)
    samples[1000:1100] = value
    data, width = samples.astype(bits).tobytes(), np.dtype(bits).itemsize
    fmt = struct.pack("<HHIIHH", 3, 1, RATE, RATE * width, width, 8 * width)
    head = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", len(data))
    whole: bytes = b"RIFF" + struct.pack("<I", len(head) + len(data)) + head + data
    return whole


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("kind", ["NaN", "-Inf"])
def test_samples_that_are_no_numbers_become_silence(
    kind: str, fmt: str, engine: FfmpegEngine, tmp_path: Path
) -> None:
    made = convert(engine, float_wav(INVALID[kind]), fmt)
    codes = [w.code for w in made.result.warning_details if w.code != "bit_depth_reduced"]
    assert codes.count("invalid_samples") == 1
    assert set(codes) <= {"invalid_samples", "resampled"}
    output = tmp_path / f"out.{FORMATS[fmt].extension}"
    output.write_bytes(made.content)
    pcm = decode(output)
    assert np.isfinite(pcm.samples).all()
    assert pcm.peak < -5
    if FORMATS[fmt].lossless:
        assert np.abs(pcm.samples[0][1000:1100]).max() < 1e-4
        expected = 0.3 * np.sin(np.arange(RATE) * 0.05)
        assert np.abs(pcm.samples[0][1200:] - expected[1200:]).max() < 1e-4


@pytest.mark.parametrize("kind", INVALID)
def test_normalising_and_fading_them_works(kind: str, engine: FfmpegEngine) -> None:
    made = convert(engine, float_wav(INVALID[kind], "<f8"), "mp3", normalize=-20.0, fade_out=0.2)
    assert [w.code for w in made.result.warning_details].count("invalid_samples") == 1


def test_finite_samples_are_kept_bit_by_bit(engine: FfmpegEngine, tmp_path: Path) -> None:
    source = tmp_path / "in.wav"
    source.write_bytes(float_wav(1.5))
    made = convert(engine, source, "wav")
    assert made.result.warnings == ()
    (tmp_path / "out.wav").write_bytes(made.content)
    assert np.array_equal(decode(tmp_path / "out.wav").samples, decode(source).samples)
