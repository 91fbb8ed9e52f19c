"""Keep the depth of lossless sound in the containers and codecs of discs."""

from pathlib import Path

import numpy as np
import pytest

from services.conversion.ffmpeg.audio_stream import parse_audio
from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.pipeline.plan import is_lossless
from tests.conversion.media_support import convert, ffmpeg, listen
from tests.conversion.pcm import decode

DISCS = {
    "x.mlp": ("-c:a", "mlp", "-strict", "-2", "-sample_fmt", "s32p"),
    "x.thd": ("-c:a", "truehd", "-strict", "-2", "-sample_fmt", "s32p"),
    "x.vob": ("-c:a", "pcm_dvd", "-sample_fmt", "s32"),
    "x.m2ts": ("-c:a", "pcm_bluray", "-sample_fmt", "s32"),
}


@pytest.mark.parametrize("name", DISCS)
def test_lossless_sound_of_discs_keeps_24_bits(
    name: str, engine: FfmpegEngine, tmp_path: Path
) -> None:
    tones = "aevalsrc=.5*sin(2000*t)|.5*sin(3000*t):s=48000:d=1"
    ffmpeg("-f", "lavfi", "-i", tones, *DISCS[name], tmp_path / name)
    made = convert(engine, tmp_path / name, "flac")
    assert made.result.warning_details == ()
    (tmp_path / "out.flac").write_bytes(made.content)
    assert listen(tmp_path / "out.flac").bits == 24
    got, wanted = decode(tmp_path / "out.flac"), decode(tmp_path / name)
    assert np.array_equal(got.samples, wanted.samples)


@pytest.mark.parametrize(
    ("profile", "expected"), [("DTS-HD MA", True), ("DTS-HD MA + DTS:X", True), ("DTS", False)]
)
def test_dts_is_lossless_in_one_of_its_profiles(profile: str, expected: bool) -> None:
    stream = parse_audio(1, f"dts (dca) ({profile}), 48000 Hz, 5.1(side), s32p (24 bit) (default)")
    assert is_lossless(stream) is expected
