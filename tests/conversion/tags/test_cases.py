"""Convert the cases that people reported of other converters; mediainfo is the second judge."""

import base64
import struct
from pathlib import Path
from typing import Any

import mutagen
import pytest
from mutagen.apev2 import BINARY, APEv2, APEValue
from mutagen.id3 import ID3, TCOM, TCON, TIT2, TPE1
from mutagen.mp4 import MP4
from pymediainfo import MediaInfo

from libs.core.domain.formats import FORMATS
from services.conversion.pipeline.engine import FfmpegEngine
from tests.conversion.audio_files import AudioFiles
from tests.conversion.media_support import ffmpeg, pictures
from tests.conversion.tags.support import copy, read, with_comments, with_frames, with_id3v1

LINES = "first line\r\nsecond line\r\n\r\nlast line"
EXPECTED_LINES = "first line\nsecond line\n\nlast line"


@pytest.fixture
def flac(sounds: AudioFiles, tmp_path: Path) -> Path:
    """Provide a FLAC file without tags."""
    return copy(sounds.tone("untagged.flac", seconds=1), tmp_path / "in.flac")


@pytest.fixture
def mp3(sounds: AudioFiles, tmp_path: Path) -> Path:
    """Provide an MP3 file without tags."""
    no_tag = ("-fflags", "+bitexact", "-id3v2_version", "0")
    return copy(sounds.tone("plain.mp3", *no_tag, seconds=1), tmp_path / "in.mp3")


def result(engine: FfmpegEngine, source: Path, fmt: str) -> Path:
    """Convert, and return the result as a file."""
    path = source.with_name(f"out.{FORMATS[fmt].extension}")
    path.write_bytes(read(engine, source, fmt).made.content)
    return path


def general(path: Path) -> Any:
    """Return what mediainfo tells of a file."""
    return MediaInfo.parse(path).general_tracks[0]  # type: ignore[union-attr, unused-ignore]


@pytest.mark.parametrize("fmt", ["flac", "mp3", "m4a", "ogg", "opus", "wav", "aiff", "wma", "alac"])
def test_texts_with_cr_lf_keep_every_line(fmt: str, engine: FfmpegEngine, flac: Path) -> None:
    out = result(engine, with_comments(flac, ("COMMENT", LINES), ("LYRICS", LINES)), fmt)
    content = out.read_bytes().decode("utf-16-le" if fmt == "wma" else "utf-8", "replace")
    if fmt == "wma":  # its texts begin at any byte
        content += out.read_bytes()[1:].decode("utf-16-le", "replace")
    assert content.count(EXPECTED_LINES) >= 2


@pytest.mark.parametrize("fmt", ["mp3", "flac", "m4a", "ogg", "opus", "aiff", "wma"])
def test_two_values_in_id3v2_4_stay_two(fmt: str, engine: FfmpegEngine, mp3: Path) -> None:
    frames = [
        TPE1(encoding=3, text=["A", "B"]),
        TCON(encoding=3, text=["Rock", "Pop"]),
        TCOM(encoding=3, text=["C", "D"]),
    ]
    tags: Any = mutagen.File(result(engine, with_frames(mp3, *frames), fmt)).tags
    names = {"flac": 0, "ogg": 0, "opus": 0, "m4a": 1, "wma": 3}.get(fmt, 2)
    for keys, values in (
        (("artist", "©ART", "TPE1", "Author"), ["A", "B"]),
        (("genre", "©gen", "TCON", "WM/Genre"), ["Rock", "Pop"]),
        (("composer", "©wrt", "TCOM", "WM/Composer"), ["C", "D"]),
    ):
        assert [str(value) for value in tags[keys[names]]] == values


def test_mediainfo_reads_the_standard_places(engine: FfmpegEngine, flac: Path) -> None:
    source = with_comments(
        flac,
        ("TITLE", "T"), ("ARTIST", "A"), ("ALBUM", "L"), ("ALBUMARTIST", "AA"), ("DATE", "2001"),
        ("TRACKNUMBER", "3"), ("TRACKTOTAL", "12"), ("LYRICS", "La la"), ("BPM", "120"),
        ("COMPOSER", "C"), ("ISRC", "DEUM71900001"), ("COMMENT", "Nice"),
    )  # fmt: skip
    for fmt in ("mp3", "m4a", "flac", "ogg", "opus", "aiff"):
        told = general(result(engine, source, fmt))
        assert (told.title, told.performer, told.album, told.composer) == ("T", "A", "L", "C"), fmt
        assert told.album_performer == "AA", fmt
        assert told.track_name_position in ("3", 3), fmt
        assert told.track_name_total in ("12", 12), fmt
        assert told.recorded_date.startswith("2001"), fmt
        assert told.lyrics == "La la", fmt
        assert told.comment == "Nice", fmt
        assert told.isrc == "DEUM71900001", fmt
        assert str(told.bpm) == "120", fmt


def test_mp3_to_m4a_leaves_nothing_out(engine: FfmpegEngine, mp3: Path) -> None:
    """Convert year, lyrics, tempo, album artist and sort names, of which was said "no place"."""
    source = with_frames(mp3, TIT2(encoding=3, text="T"))
    tags: Any = ID3(source)
    for name, text in {
        "TDRC": "1999", "TBPM": "99", "TPE2": "AA", "TSOP": "Sort", "TSO2": "Sort AA", "TSOA": "SA",
    }.items():  # fmt: skip
        tags.add(mutagen.id3.Frames[name](encoding=3, text=text))
    tags.add(mutagen.id3.Frames["USLT"](encoding=3, lang="eng", desc="", text="La"))
    tags.save(source, v2_version=3)
    found = read(engine, source, "m4a")
    out = source.with_name("out.m4a")
    out.write_bytes(found.made.content)
    atoms: Any = MP4(out).tags
    assert (atoms["©day"], atoms["tmpo"], atoms["©lyr"]) == (["1999"], [99], ["La"])
    assert atoms["aART"] == ["AA"]
    assert "tags_dropped" not in found.codes


def test_a_cover_in_apev2_needs_no_file_name(
    engine: FfmpegEngine, mp3: Path, sounds: AudioFiles
) -> None:
    cover = sounds.cover.read_bytes()
    for data in (cover, b"cover.png\0" + cover):
        tags: Any = APEv2()
        tags["Cover Art (Front)"] = APEValue(data, BINARY)
        tags.save(mp3)
        assert pictures(result(engine, mp3, "flac")) == [cover]


@pytest.mark.parametrize("fmt", ["flac", "mp3", "opus"])
def test_coverart_in_ogg_is_a_cover(
    fmt: str, engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    cover = sounds.cover.read_bytes()
    path = copy(sounds.tone("untagged.ogg", seconds=1), tmp_path / "in.ogg")
    source = with_comments(path, ("COVERART", base64.b64encode(cover).decode()))
    assert pictures(result(engine, source, fmt)) == [cover]


def test_the_kind_of_a_lone_back_cover_stays(
    engine: FfmpegEngine, flac: Path, sounds: AudioFiles
) -> None:
    file: Any = mutagen.File(flac)
    picture = mutagen.flac.Picture()
    picture.type, picture.mime, picture.data = 4, "image/png", sounds.cover.read_bytes()
    file.add_picture(picture)
    file.save()
    back: Any = mutagen.File(result(engine, flac, "flac"))
    assert [each.type for each in back.pictures] == [4]


def test_further_pictures_of_matroska_are_named(
    engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    source, cover = tmp_path / "two.mka", str(sounds.cover)
    ffmpeg(
        "-f", "lavfi", "-i", "sine=d=1", "-c:a", "flac", "-attach", cover, "-attach", cover,
        "-metadata:s:t", "mimetype=image/png", source,
    )  # fmt: skip
    found = read(engine, source, "flac")
    assert "Of the file's 2 pictures, only the first one was kept." in found.details


def test_id3v1_alone_survives_to_mp3(engine: FfmpegEngine, mp3: Path) -> None:
    source = with_id3v1(mp3, "Über".encode("latin-1"), "Motörhead".encode("latin-1"), 4)
    tags: Any = ID3(result(engine, source, "mp3"))
    assert (str(tags["TPE1"]), str(tags["TIT2"]), str(tags["TRCK"])) == ("Motörhead", "Über", "4")


def test_wav_to_wav_keeps_the_originator(engine: FfmpegEngine, tmp_path: Path) -> None:
    source = tmp_path / "bext.wav"
    ffmpeg(
        "-f", "lavfi", "-i", "sine=d=1", "-write_bext", "1", "-metadata", "originator=Studio",
        "-metadata", "description=A take", "-metadata", "time_reference=4800", source,
    )  # fmt: skip
    content = result(engine, source, "wav").read_bytes()
    at = content.index(b"bext")
    assert content[at + 8 : at + 14] == b"A take"
    assert content[at + 8 + 256 : at + 8 + 262] == b"Studio"
    assert struct.unpack_from("<Q", content, at + 8 + 338) == (4800,)
