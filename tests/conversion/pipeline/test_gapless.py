"""Remove what encoders add, where only iTunes' tag says it; LAME's header is the judge."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mutagen.id3 import COMM, ID3, TXXX
from mutagen.mp4 import MP4

from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.pipeline.frames import mpeg_frame
from tests.conversion.media_support import convert, ffmpeg
from tests.conversion.pcm import Samples, decode

NOISE = "anoisesrc=d=2.9:a=.3:seed=5:r=44100,aformat=channel_layouts=stereo"
DELAY = 576
"""Samples that LAME adds; the decoder adds 529 more."""


def counts(delay: int, padding: int, count: int) -> str:
    return f" 00000000 {delay:08X} {padding:08X} {count:016X}" + " 00000000" * 8


def mp3_without_header(folder: Path) -> tuple[Path, Samples]:
    """Return an MP3 file without LAME's header, and the samples of the one with it."""
    ffmpeg("-f", "lavfi", "-i", NOISE, "-b:a", "128k", "-id3v2_version", "0", folder / "lame.mp3")
    content = (folder / "lame.mp3").read_bytes()
    (folder / "x.mp3").write_bytes(content[mpeg_frame(content[:7]) :])
    return folder / "x.mp3", decode(folder / "lame.mp3").samples


def itunes_counts(path: Path, sound: Samples) -> str:
    total, count = decode(path).samples.shape[1], sound.shape[1]
    assert total % 1152 == 0
    return counts(DELAY, total - DELAY - count, count)


def result(engine: FfmpegEngine, source: Path, **options: Any) -> Samples:
    made = convert(engine, source, "wav", **options)
    assert {w.code for w in made.result.warning_details} <= {"source_is_lossy"}
    out = source.with_name("out.wav")
    out.write_bytes(made.content)
    return decode(out).samples


@pytest.mark.parametrize("frame", [COMM, TXXX])
def test_padding_of_mp3_that_only_itunes_says_is_removed(
    frame: type, engine: FfmpegEngine, tmp_path: Path
) -> None:
    path, sound = mp3_without_header(tmp_path)
    tags = ID3()
    text = itunes_counts(path, sound)
    tags.add(frame(encoding=0, lang="eng", desc="iTunSMPB", text=[text]))
    tags.save(path, v1=0, v2_version=3)
    got = result(engine, path)
    assert got.shape == sound.shape
    assert np.abs(got - np.clip(sound, -1, 1))[:, 600:].max() < 1e-3  # LAME's header held no sound
    part = result(engine, path, start=1, end=1.5)
    assert np.abs(part - got[:, 44_100:66_150]).max() < 1e-3


@pytest.mark.parametrize("text", ["another file's", "beyond", "no sum", "nothing"])
def test_counts_that_are_not_those_of_the_file_are_ignored(
    text: str, engine: FfmpegEngine, tmp_path: Path
) -> None:
    path, _ = mp3_without_header(tmp_path)
    whole = decode(path).samples.shape
    told = {
        "another file's": counts(1105, 1199, 1_152_000 - 2304),
        "beyond": counts(16_385, whole[1] - 16_385 - 1, 1),
        "no sum": counts(1105, 1000, whole[1] - 2500),
        "nothing": counts(1105, whole[1] - 1105, 0),
    }
    tags = ID3()
    tags.add(COMM(encoding=0, lang="eng", desc="iTunSMPB", text=[told[text]]))
    tags.save(path, v1=0, v2_version=3)
    assert result(engine, path).shape == whole


def test_a_header_of_lame_outweighs_counts_that_were_copied(
    engine: FfmpegEngine, tmp_path: Path
) -> None:
    path, sound = mp3_without_header(tmp_path)
    tags = ID3()
    tags.add(COMM(encoding=0, lang="eng", desc="iTunSMPB", text=[itunes_counts(path, sound)]))
    tags.save(tmp_path / "lame.mp3", v1=0)
    assert np.abs(result(engine, tmp_path / "lame.mp3") - np.clip(sound, -1, 1)).max() < 1e-3


def test_padding_of_mp4_that_only_itunes_says_is_removed(
    engine: FfmpegEngine, tmp_path: Path
) -> None:
    """FFmpeg does it; its own files say the padding by the length of the last frame, too."""
    ffmpeg("-f", "lavfi", "-i", NOISE, "-c:a", "aac", tmp_path / "edit.m4a")
    path = tmp_path / "x.m4a"
    ffmpeg("-i", tmp_path / "edit.m4a", "-c", "copy", "-use_editlist", "0", path)
    count = decode(tmp_path / "edit.m4a").samples.shape[1]
    content = bytearray(path.read_bytes())
    at = content.index(b"stts") + 8
    assert struct.unpack_from(">I", content, at)[0] == 2
    frames = struct.unpack_from(">I", content, at + 4)[0] + 1
    struct.pack_into(">I", content, at + 16, 1024)
    struct.pack_into(">I", content, content.index(b"mdhd") + 20, frames * 1024)
    path.write_bytes(content)
    tags = MP4(path)
    padding = frames * 1024 - 1024 - count
    tags["----:com.apple.iTunes:iTunSMPB"] = [counts(1024, padding, count).encode()]
    tags.save()
    wanted = decode(tmp_path / "edit.m4a").samples
    assert np.abs(result(engine, path) - np.clip(wanted, -1, 1)).max() < 1e-3
