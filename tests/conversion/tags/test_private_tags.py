"""Leave out what a file tells about people and devices, and keep what is of the music."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mutagen.flac import FLAC
from mutagen.mp4 import MP4

from services.conversion.pipeline.engine import FfmpegEngine
from tests.conversion.audio_files import AudioFiles
from tests.conversion.tags.support import copy, read, with_comments

PHONE = {
    "location.ISO6709": "+52.5200+013.4050/", "make": "Apple", "model": "iPhone 15",
    "creationdate": "2024-05-17T10:00:00+0200", "camera.identifier": "Back",
    "title": "My film", "artist": "Me",
}  # fmt: skip
"""What a phone writes into a film, each behind `com.apple.quicktime.`"""


@pytest.fixture
def film(sounds: AudioFiles) -> Path:
    """Provide a film as a phone records it."""
    options = [f"com.apple.quicktime.{name}={value}" for name, value in PHONE.items()]
    tags = [part for option in options for part in ("-metadata", option)]
    return sounds.tone("phone.mov", "-movflags", "use_metadata_tags", *tags, seconds=1)


@pytest.mark.parametrize("fmt", ["mp3", "flac", "m4a", "opus", "wav", "wma"])
def test_a_result_tells_nothing_of_place_and_device(
    fmt: str, film: Path, engine: FfmpegEngine
) -> None:
    found = read(engine, film, fmt)
    assert found.tags == {"title": "My film", "artist": "Me"}
    for value in ("52.52", "Apple", "iPhone", "2024-05", "Back"):
        assert value.encode() not in found.made.content
        assert value.encode("utf-16-le") not in found.made.content


def test_the_place_of_a_voice_memo_is_left_out(engine: FfmpegEngine, sounds: AudioFiles) -> None:
    tags = ("-metadata", "location=+52.5200+013.4050/", "-metadata", "title=Memo")
    found = read(engine, sounds.tone("memo.m4a", *tags, seconds=1), "m4a")
    assert found.tags == {"title": "Memo"}
    assert b"52.52" not in found.made.content


def test_the_place_in_a_vorbis_comment_is_that_of_the_recording(
    engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    path = copy(sounds.tone("untagged.flac", seconds=1), tmp_path / "in.flac")
    found = read(engine, with_comments(path, ("LOCATION", "Abbey Road")), "flac")
    assert b"LOCATION=Abbey Road" in found.made.content


def test_the_advisory_of_itunes_is_no_rating(
    engine: FfmpegEngine, sounds: AudioFiles, keep: Callable[[str, bytes], Path]
) -> None:
    path = keep("explicit.m4a", sounds.tone("bare.m4a", seconds=1).read_bytes())
    file: Any = MP4(path)
    file["rtng"] = [1]
    file.save()
    flac: Any = FLAC(keep("out.flac", read(engine, path, "flac").made.content))
    assert flac["ITUNESADVISORY"] == ["1"]
    assert "rating" not in flac
    back: Any = MP4(keep("out.m4a", read(engine, Path(flac.filename), "m4a").made.content))
    assert back["rtng"] == [1]


def test_names_of_matroska_are_known(
    engine: FfmpegEngine, sounds: AudioFiles, keep: Callable[[str, bytes], Path]
) -> None:
    tags = {"PART_NUMBER": "3", "TOTAL_PARTS": "9", "DATE_RELEASED": "1999", "ARTIST": "A"}
    options = [part for pair in tags.items() for part in ("-metadata", "=".join(pair))]
    source = sounds.tone("named.mka", *options, seconds=1)
    flac: Any = FLAC(keep("out.flac", read(engine, source, "flac").made.content))
    names = ("tracknumber", "tracktotal", "date", "artist")
    assert [flac[name] for name in names] == [["3"], ["9"], ["1999"], ["A"]]
