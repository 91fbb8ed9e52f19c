"""Resample: every sample rate to every format, and the quality of the resampler."""

from pathlib import Path

import numpy as np
import pytest

from libs.core.domain.formats import FORMATS
from services.conversion.ffmpeg.resampling import resample_filter
from services.conversion.pipeline.engine import FfmpegEngine
from tests.conversion.media_support import convert, ffmpeg
from tests.conversion.pcm import decode, spectrum, tone_levels
from tests.conversion.pipeline.format_tables import Table

RATES = (
    1234, 7350, 8000, 11025, 22050, 37800, 44056, 48000, 64000, 96000, 192000, 352800, 384000,
    768000,
)  # fmt: skip
TABLE = Table("Sample rates", [f"{rate} Hz" for rate in RATES], FORMATS)


@pytest.fixture(scope="session")
def rate_files(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Provide a file of each rate with a tone of 300 Hz at -20 dB."""
    folder = tmp_path_factory.mktemp("rates")
    files = {rate: folder / f"{rate}.wav" for rate in RATES}
    for rate, path in files.items():
        ffmpeg("-f", "lavfi", "-i", f"aevalsrc=0.1*sin(300*2*PI*t):s={rate}:d=1", path)
    return files


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("rate", RATES)
def test_every_rate_converts_to_every_format(
    rate: int, fmt: str, engine: FfmpegEngine, rate_files: dict[int, Path], tmp_path: Path
) -> None:
    made = convert(engine, rate_files[rate], fmt)
    output = tmp_path / f"out.{fmt}"
    output.write_bytes(made.content)
    result = decode(output)
    row = result.samples[0]
    middle = row[len(row) // 4 : -len(row) // 4]
    assert tone_levels(middle, result.sample_rate, [300])[300] == pytest.approx(-20, abs=1)
    # ADTS states no padding, so that of the encoder is heard.
    padding = 3 * 1024 / result.sample_rate if fmt == "aac" else 0.15
    assert len(row) / result.sample_rate == pytest.approx(1, abs=padding)
    codes = {warning.code for warning in made.result.warning_details}
    assert codes <= {"resampled"}
    assert ("resampled" in codes) == (result.sample_rate != rate)
    is_same = "" if result.sample_rate == rate else f"{result.sample_rate}"
    TABLE.note(f"{rate} Hz", fmt, is_same or "kept")


def test_the_table_of_rates_is_up_to_date() -> None:
    TABLE.check()


@pytest.mark.parametrize("fmt", ["wav", "flac", "aiff", "alac"])
def test_a_tone_above_the_new_band_leaves_no_alias(
    fmt: str, engine: FfmpegEngine, tmp_path: Path
) -> None:
    """22.5 kHz cannot be stored at 44.1 kHz; FFmpeg's default moves it to 21.6 kHz at -20 dB."""
    tone = "aevalsrc=0.5*sin(22500*2*PI*t):s=96000:d=3"
    ffmpeg("-f", "lavfi", "-i", tone, "-c:a", "pcm_s24le", tmp_path / "in.wav")
    output = tmp_path / f"out.{fmt}"
    output.write_bytes(convert(engine, tmp_path / "in.wav", fmt, sample_rate=44100).content)
    result = decode(output)
    assert result.sample_rate == 44100
    assert spectrum(result.samples[0][22050 : 22050 + 65536]).max() < -120


def test_tones_within_the_band_keep_their_level(engine: FfmpegEngine, tmp_path: Path) -> None:
    for frequency in (1000, 10_000, 18_000, 20_500):
        tone = f"aevalsrc=0.5*sin({frequency}*2*PI*t):s=96000:d=2"
        ffmpeg("-f", "lavfi", "-i", tone, "-c:a", "pcm_s24le", tmp_path / "in.wav")
        output = tmp_path / "out.wav"
        output.write_bytes(convert(engine, tmp_path / "in.wav", "wav", sample_rate=44100).content)
        level = tone_levels(decode(output).samples[0][10000:70000], 44100, [frequency])[frequency]
        assert level == pytest.approx(-6.02, abs=0.05)


def test_without_soxr_aliases_are_as_low(tmp_path: Path) -> None:
    tone = "aevalsrc=0.5*sin(22500*2*PI*t):s=96000:d=3"
    resample = f"aformat=sample_fmts=fltp,{resample_filter(44100, has_soxr=False)}"
    ffmpeg("-f", "lavfi", "-i", tone, "-af", resample, "-c:a", "pcm_s24le", tmp_path / "out.wav")
    samples = decode(tmp_path / "out.wav").samples[0]
    assert spectrum(samples[22050 : 22050 + 65536]).max() < -120


@pytest.mark.parametrize(("bits", "source"), [(16, "pcm_s24le"), (24, "pcm_f32le")])
def test_reduced_samples_are_dithered(
    bits: int, source: str, engine: FfmpegEngine, tmp_path: Path
) -> None:
    """A tone below the last bit survives as signal plus noise, and without harmonics."""
    level = 0.4 * 2.0 ** (1 - bits)
    tone = f"aevalsrc={level:.12f}*sin(1000*2*PI*t):s=48000:d=4"
    ffmpeg("-f", "lavfi", "-i", tone, "-c:a", source, tmp_path / "in.wav")
    output = tmp_path / "out.flac"
    output.write_bytes(convert(engine, tmp_path / "in.wav", "flac", bit_depth=bits).content)
    samples = decode(output).samples[0]
    levels = tone_levels(samples, 48000, [1000, 3000, 5000])
    assert levels[1000] == pytest.approx(20 * np.log10(level), abs=0.5)
    assert max(levels[3000], levels[5000]) < levels[1000] - 20
    assert np.allclose(samples * 2 ** (bits - 1) % 1, 0)


def test_unchanged_samples_are_not_dithered(engine: FfmpegEngine, tmp_path: Path) -> None:
    tone = "aevalsrc=0.1*sin(1000*2*PI*t):s=48000:d=1"
    ffmpeg("-f", "lavfi", "-i", tone, tmp_path / "in.wav")
    for fmt in ("wav", "flac", "aiff", "alac"):
        output = tmp_path / f"out.{fmt}"
        output.write_bytes(convert(engine, tmp_path / "in.wav", fmt).content)
        assert np.array_equal(decode(output).samples, decode(tmp_path / "in.wav").samples)
