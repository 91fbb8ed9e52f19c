"""Leave out what a conversion makes untrue, and convert gains for Opus and back."""

from pathlib import Path
from typing import Any

import mutagen
import pytest

from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.tags.loudness_tags import Changes, adapt
from tests.conversion.audio_files import AudioFiles
from tests.conversion.tags.support import Read, copy, read, with_comments

GAINS = {
    "REPLAYGAIN_TRACK_GAIN": "-6.50 dB",
    "REPLAYGAIN_TRACK_PEAK": "0.900000",
    "REPLAYGAIN_ALBUM_GAIN": "-7.25 dB",
}


@pytest.fixture
def source(sounds: AudioFiles, tmp_path: Path) -> Path:
    """Provide a stereo FLAC file with a title and ReplayGain."""
    path = copy(sounds.tone("untagged.flac", seconds=1), tmp_path / "gains.flac")
    return with_comments(path, ("TITLE", "T"), *GAINS.items())


def gains_of(found: Read, name: str, folder: Path) -> dict[str, list[str]]:
    """Return the gains that mutagen reads in the result."""
    path = folder / name
    path.write_bytes(found.made.content)
    tags: Any = mutagen.File(path).tags
    assert tags["title"] == ["T"]
    return {
        key.upper(): value
        for key, value in dict(tags).items()
        if key.upper().startswith(("REPLAYGAIN", "R128"))
    }


def test_gains_of_unchanged_sound_stay(engine: FfmpegEngine, source: Path, tmp_path: Path) -> None:
    found = read(engine, source, "flac")
    assert gains_of(found, "x.flac", tmp_path) == {k: [v] for k, v in GAINS.items()}
    assert "tags_outdated" not in found.codes


@pytest.mark.parametrize("options", [{"normalize": -23.0}, {"fade_in": 0.2}, {"channels": 1}])
def test_gains_of_changed_sound_are_left_out(
    options: dict[str, float], engine: FfmpegEngine, source: Path, tmp_path: Path
) -> None:
    found = read(engine, source, "flac", **options)
    assert gains_of(found, "x.flac", tmp_path) == {}
    assert "no longer true: replaygain_track_gain, replaygain_track_peak" in found.details


def test_a_part_keeps_the_gain_of_its_album(
    engine: FfmpegEngine, source: Path, tmp_path: Path
) -> None:
    found = read(engine, source, "flac", start=0.2)
    assert gains_of(found, "x.flac", tmp_path) == {"REPLAYGAIN_ALBUM_GAIN": ["-7.25 dB"]}
    assert "tags_outdated" in found.codes


def test_opus_gets_r128_gains(engine: FfmpegEngine, source: Path, tmp_path: Path) -> None:
    """Compare with RFC 7845: 256 steps to a dB, and −23 instead of −18 LUFS."""
    found = read(engine, source, "opus")
    assert gains_of(found, "x.opus", tmp_path) == {
        "R128_TRACK_GAIN": [str(round((-6.5 - 5) * 256))],
        "R128_ALBUM_GAIN": [str(round((-7.25 - 5) * 256))],
    }
    assert "can't hold them: replaygain_track_peak." in found.details


def test_r128_gains_become_replaygain(engine: FfmpegEngine, source: Path, tmp_path: Path) -> None:
    opus = tmp_path / "in.opus"
    opus.write_bytes(read(engine, source, "opus").made.content)
    assert gains_of(read(engine, opus, "flac"), "x.flac", tmp_path) == {
        "REPLAYGAIN_TRACK_GAIN": ["-6.50 dB"],
        "REPLAYGAIN_ALBUM_GAIN": ["-7.25 dB"],
    }
    assert set(gains_of(read(engine, opus, "opus"), "x.opus", tmp_path)) == {
        "R128_TRACK_GAIN",
        "R128_ALBUM_GAIN",
    }


@pytest.mark.parametrize("value", ["", "loud", "-6,5 dB", "1e9", "nan dB", "-" * 100])
def test_a_gain_that_is_no_number_is_named(value: str) -> None:
    found = adapt({"replaygain_track_gain": [value]}, Changes(), is_opus=True)
    assert found.tags == {}
    assert found.unsupported == ["replaygain_track_gain"]


def test_gains_beyond_16_bits_are_limited() -> None:
    found = adapt({"replaygain_track_gain": ["-999 dB"]}, Changes(), is_opus=True)
    assert found.tags == {"R128_TRACK_GAIN": ["-32768"]}


def test_other_outdated_tags_are_left_out() -> None:
    tags = {"CUESHEET": ["x"], "MP3GAIN_UNDO": ["y"], "iTunNORM": ["z"], "title": ["T"]}
    assert adapt(tags, Changes(), is_opus=False).outdated == ["MP3GAIN_UNDO"]
    assert set(adapt(tags, Changes(level=True, length=True), is_opus=False).tags) == {"title"}
