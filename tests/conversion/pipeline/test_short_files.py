"""Convert very short sounds to every format."""

from pathlib import Path

import numpy as np
import pytest

from libs.core.domain.formats import FORMATS
from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.ports import MediaError
from tests.conversion.media_support import convert, ffmpeg
from tests.conversion.pcm import decode
from tests.conversion.pipeline.format_tables import Table

LENGTHS = {
    "1 sample": (1, 44_100), "128 samples": (128, 44_100), "8 ms, 1234 Hz": (10, 1234),
    "20 ms": (882, 44_100), "50 ms": (2205, 44_100), "100 ms, 8 kHz": (800, 8000),
}  # fmt: skip
PADDED = ("aac", "ac3", "wma", "mp3")
"""Formats of whole frames, which fill the last frame with padding.

The header that LAME writes into an MP3 states the padding, so that players can leave it out. Here
MP3 is listed because of the sound of one sample: FFmpeg's decoder returns that with the padding.
"""
DELAY_NOT_STATED = ("aac", "ac3")
"""Formats whose streams do not state the encoder's delay, so that players cannot leave it out."""
LATE = ("ogg",)
"""Formats of which FFmpeg's decoder leaves out the first block, if the stream has one page."""
TABLE = Table("Short sounds", LENGTHS, FORMATS)


def click(path: Path, count: int, rate: int, silence: float = 0.0) -> Path:
    """Make a tone of `count` samples, and silence behind it."""
    tone = f"aevalsrc='if(lt(n,{count}),0.5*cos({rate // 8}*2*PI*t),0)':s={rate}"
    ffmpeg("-f", "lavfi", "-i", f"{tone}:d={count / rate + silence:.9f}", path)
    return path


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("length", LENGTHS)
def test_every_length_converts_to_every_format(
    length: str, fmt: str, engine: FfmpegEngine, tmp_path: Path
) -> None:
    count, rate = LENGTHS[length]
    path = click(tmp_path / "in.wav", count, rate)
    made = convert(engine, path, fmt)
    output = tmp_path / f"out.{FORMATS[fmt].extension}"
    output.write_bytes(made.content)
    result = decode(output)
    seconds = result.samples.shape[1] / result.sample_rate
    if fmt not in LATE:
        assert seconds >= count / rate - 1 / result.sample_rate
        assert float(np.abs(result.samples).max()) > 0.1 or count == 1
    if fmt not in (*PADDED, *LATE):
        assert seconds == pytest.approx(count / rate, abs=0.001)
    assert made.result.duration == pytest.approx(count / rate, abs=0.03)
    assert {warning.code for warning in made.result.warning_details} <= {"resampled"}
    source = made.ticks[-1].source
    assert source is not None
    assert source.duration is None or source.duration == pytest.approx(count / rate, abs=0.01)
    TABLE.note(length, fmt, f"{seconds * 1000:.0f} ms")


def test_the_table_of_short_sounds_is_up_to_date() -> None:
    TABLE.check()


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100, 48_000])
def test_a_click_at_the_beginning_is_kept(
    fmt: str, rate: int, engine: FfmpegEngine, tmp_path: Path
) -> None:
    """A decoder of WMA skips the first frame."""
    path = click(tmp_path / "in.wav", rate // 50, rate, silence=1)
    made = convert(engine, path, fmt)
    output = tmp_path / f"out.{FORMATS[fmt].extension}"
    output.write_bytes(made.content)
    result = decode(output)
    loud = np.flatnonzero(np.abs(result.samples[0]) > 0.25) / result.sample_rate
    if fmt not in DELAY_NOT_STATED:
        assert loud[0] == pytest.approx(0, abs=0.005)
    assert loud[-1] - loud[0] == pytest.approx(0.02, abs=0.008)
    assert result.samples.shape[1] / result.sample_rate > 1.01


def test_a_file_without_samples_is_not_called_damaged(engine: FfmpegEngine, tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-t", "0", tmp_path / "empty.wav")
    with pytest.raises(MediaError, match="nothing was recorded") as refusal:
        convert(engine, tmp_path / "empty.wav", "mp3")
    assert refusal.value.code == "no_audio_stream"


def test_a_start_after_the_end_is_refused(engine: FfmpegEngine, tmp_path: Path) -> None:
    path = click(tmp_path / "in.wav", 128, 44_100)
    with pytest.raises(MediaError, match="after the end"):
        convert(engine, path, "mp3", start=1.0)
