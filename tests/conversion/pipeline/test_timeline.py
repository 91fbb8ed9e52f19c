"""Keep sound at its time: late starts, gaps, ranges, in every container alike."""

import struct
from pathlib import Path
from typing import Any

import mutagen
import numpy as np
import pytest

from services.conversion.pipeline.engine import FfmpegEngine
from tests.conversion.media_support import Made, convert, ffmpeg
from tests.conversion.pcm import Pcm, decode

FILMS = {
    "mkv": ("mpeg4", "aac"), "mp4": ("mpeg4", "aac"), "mov": ("mpeg4", "aac"),
    "ts": ("mpeg4", "aac"), "flv": ("flv", "aac"), "webm": ("libvpx", "libopus"),
    "avi": ("mpeg4", "mp3"), "asf": ("mpeg4", "wmav2"),
}  # fmt: skip
NO_DELAY = ("avi",)
"""AVI states no time at which the sound begins."""
BEEP = "aevalsrc='if(between(t,2,2.5),0.5*sin(2020*PI*t),0)':s=48000:d=7"
"""A beep from 2.0 to 2.5 s of 7 s of sound."""


def late_film(folder: Path, container: str) -> Path:
    """Make a film of 10 s whose sound begins at 3 s."""
    video, audio = FILMS[container]
    path = folder / f"late.{container}"
    picture = ("-f", "lavfi", "-i", "testsrc=s=64x48:d=10:r=25")
    sound = ("-itsoffset", "3", "-f", "lavfi", "-i", BEEP)
    ffmpeg(*picture, *sound, "-map", "0", "-map", "1", "-c:v", video, "-c:a", audio, path)
    return path


def pcm_of(made: Made, folder: Path) -> Pcm:
    (folder / "out.wav").write_bytes(made.content)
    return decode(folder / "out.wav")


def beep_of(pcm: Pcm) -> tuple[float, float]:
    """Return when the beep begins and ends, in seconds."""
    loud = np.flatnonzero(np.abs(pcm.samples[0]) > 0.2) / pcm.sample_rate
    return float(loud[0]), float(loud[-1])


@pytest.mark.parametrize("container", FILMS)
@pytest.mark.parametrize(
    ("options", "beep", "seconds"),
    [
        ({}, (2.0, 2.5), 7.0),
        ({"start": 2.25, "end": 8.0}, (0.0, 0.25), 4.75),
    ],
)
def test_time_counts_from_the_first_sample_in_every_container(
    options: dict[str, Any],
    beep: tuple[float, float],
    seconds: float,
    container: str,
    engine: FfmpegEngine,
    tmp_path: Path,
) -> None:
    made = convert(engine, late_film(tmp_path, container), "wav", **options)
    pcm = pcm_of(made, tmp_path)
    assert beep_of(pcm) == pytest.approx(beep, abs=0.06)
    assert pcm.samples.shape[1] / pcm.sample_rate == pytest.approx(seconds, abs=0.1)
    codes = {warning.code for warning in made.result.warning_details}
    assert codes <= {"source_is_lossy", "delay_removed", "sound_shorter", "tags_dropped"}
    assert ("delay_removed" in codes) == (container not in NO_DELAY)


@pytest.mark.parametrize("container", [name for name in FILMS if name not in NO_DELAY])
@pytest.mark.parametrize(
    ("options", "beep", "seconds"),
    [({"start": 4.0, "end": 7.0}, (1.0, 1.5), 3.0)],
)
def test_a_delay_that_is_kept_becomes_silence(
    options: dict[str, Any],
    beep: tuple[float, float],
    seconds: float,
    container: str,
    engine: FfmpegEngine,
    tmp_path: Path,
) -> None:
    film = late_film(tmp_path, container)
    made = convert(engine, film, "wav", keep_delay=True, **options)
    pcm = pcm_of(made, tmp_path)
    assert beep_of(pcm) == pytest.approx(beep, abs=0.1)
    assert pcm.samples.shape[1] / pcm.sample_rate == pytest.approx(seconds, abs=0.1)
    codes = {warning.code for warning in made.result.warning_details}
    assert codes <= {"source_is_lossy", "tags_dropped"}


@pytest.mark.parametrize(
    ("options", "begins"), [({}, 2.0), ({"start": 0.5}, 1.5), ({"keep_delay": True}, 5.0)]
)
def test_a_chapter_stays_at_its_sound(
    options: dict[str, Any], begins: float, engine: FfmpegEngine, tmp_path: Path
) -> None:
    chapter = "[CHAPTER]\nTIMEBASE=1/1\nSTART=5\nEND=8\ntitle=Beep"
    (tmp_path / "chapters.txt").write_text(f";FFMETADATA1\n{chapter}\n")
    chapters = ("-i", tmp_path / "chapters.txt", "-map", "0", "-map_chapters", "1", "-c", "copy")
    ffmpeg("-i", late_film(tmp_path, "mkv"), *chapters, tmp_path / "chapter.mkv")
    made = convert(engine, tmp_path / "chapter.mkv", "flac", **options)
    (tmp_path / "out.flac").write_bytes(made.content)
    assert mutagen.File(tmp_path / "out.flac")["CHAPTER000"] == [f"00:00:0{begins:.3f}"]


@pytest.mark.parametrize("name", ["gap.mka", "gap.mkv", "gap.mp4"])
@pytest.mark.parametrize("seconds", [4.0])
def test_a_gap_is_filled_with_silence_and_said_once(
    name: str, seconds: float, engine: FfmpegEngine, tmp_path: Path
) -> None:
    codec = {"mka": "pcm_s16le", "mkv": "flac", "mp4": "aac"}[name[4:]]
    gap = f"asetpts='PTS+gte(T,1)*{seconds}/TB'"
    ffmpeg("-f", "lavfi", "-i", BEEP, "-af", gap, "-c:a", codec, tmp_path / name)
    made = convert(engine, tmp_path / name, "wav")
    pcm = pcm_of(made, tmp_path)
    assert pcm.samples.shape[1] / pcm.sample_rate == pytest.approx(7 + seconds, abs=0.05)
    assert beep_of(pcm) == pytest.approx((2 + seconds, 2.5 + seconds), abs=0.05)
    said = [w.detail for w in made.result.warning_details if w.code != "source_is_lossy"]
    assert said == [f"Gaps in the sound were filled with {seconds:.1f} seconds of silence."]


def test_a_gap_too_long_for_memory_is_left_out_and_said(
    engine: FfmpegEngine, tmp_path: Path
) -> None:
    """Silence of 280 s in 5.1 exceeds what FFmpeg may allocate."""
    gap = "aformat=cl=5.1,asetpts='PTS+gte(T,1)*280/TB'"
    sound = ("-f", "lavfi", "-i", "sine=r=48000:d=300", "-af", gap, "-c:a", "ac3")
    ffmpeg(*sound, tmp_path / "gap.mkv")
    made = convert(engine, tmp_path / "gap.mkv", "mp3")
    assert made.result.duration == pytest.approx(300, abs=0.1)
    said = [w.detail for w in made.result.warning_details if w.code == "source_incomplete"]
    assert said == ["This file is damaged or incomplete: 280.0 of 580.0 seconds are missing."]


@pytest.mark.parametrize("name", ["whole.mka", "whole.mov"])
def test_samples_without_gaps_stay_as_they_are(
    name: str, engine: FfmpegEngine, tmp_path: Path
) -> None:
    ffmpeg("-f", "lavfi", "-i", BEEP, "-c:a", "pcm_s16le", tmp_path / name)
    made = convert(engine, tmp_path / name, "wav")
    assert np.array_equal(pcm_of(made, tmp_path).samples, decode(tmp_path / name).samples)
    assert made.result.warnings == ()


def test_sound_that_begins_late_in_a_file_of_its_own_is_whole(
    engine: FfmpegEngine, tmp_path: Path
) -> None:
    sound = ("-f", "lavfi", "-i", "sine=d=5", "-c:a", "libopus")
    ffmpeg("-itsoffset", "3", *sound, "-copyts", tmp_path / "late.webm")
    made = convert(engine, tmp_path / "late.webm", "mp3")
    assert made.result.duration == pytest.approx(5, abs=0.1)
    assert made.result.warnings == ()


@pytest.mark.parametrize("name", ["rip.opus", "rip.ogg", "rip.mka", "rip.m4a", "rip.ts"])
def test_a_rip_that_keeps_its_timestamps_is_whole(
    name: str, engine: FfmpegEngine, tmp_path: Path
) -> None:
    codec = {"opus": "libopus", "ogg": "libvorbis"}.get(name[4:], "aac")
    whole = tmp_path / f"whole.{name[4:]}"
    ffmpeg("-f", "lavfi", "-i", "sine=d=19", "-c:a", codec, whole)
    ffmpeg("-ss", "5", "-i", whole, "-c", "copy", "-copyts", tmp_path / name)
    made = convert(engine, tmp_path / name, "mp3")
    # A seek ends at a page of Ogg, or at a packet of MPEG-TS.
    assert made.result.duration == pytest.approx(14, abs=1.0 if name == "rip.ogg" else 0.3)
    assert not {"source_incomplete", "source_truncated"} & {
        warning.code for warning in made.result.warning_details
    }


def test_a_long_pre_skip_of_opus_is_no_damage(engine: FfmpegEngine, tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "sine=d=12", "-c:a", "libopus", tmp_path / "x.opus")
    content = bytearray((tmp_path / "x.opus").read_bytes())
    struct.pack_into("<H", content, content.index(b"OpusHead") + 10, 48_000)
    struct.pack_into("<I", content, 22, 0)
    page = content[: 27 + content[26] + sum(content[27 : 27 + content[26]])]
    struct.pack_into("<I", content, 22, ogg_checksum(page))
    made = convert(engine, bytes(content), "flac")
    assert made.result.duration == pytest.approx(11, abs=0.1)
    assert {warning.code for warning in made.result.warning_details} == {"source_is_lossy"}


def ogg_checksum(page: bytes | bytearray) -> int:
    """Return the checksum of an Ogg page whose own is zero (RFC 3533, 6)."""
    checksum = 0
    for byte in page:
        checksum ^= byte << 24
        for _ in range(8):
            checksum = checksum << 1 ^ (0x104C11DB7 if checksum >> 31 else 0)
    return checksum
