"""Read the tags of sources as people wrote them; see also `test_cases`."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mutagen.aiff import AIFF
from mutagen.asf import ASF, ASFByteArrayAttribute
from mutagen.id3 import COMM, RVA2, TALB, TBPM, TCOM, TIPL, TIT2, TPE1, TPE2, TXXX, USLT
from mutagen.mp4 import MP4

from services.conversion.pipeline.engine import FfmpegEngine
from tests.conversion.audio_files import AudioFiles
from tests.conversion.media_support import ffmpeg
from tests.conversion.tags.support import (
    copy,
    read,
    with_ape,
    with_comments,
    with_frames,
    with_id3v1,
    with_pictures,
)

Fresh = Callable[[str], Path]


@pytest.fixture
def fresh(sounds: AudioFiles, tmp_path: Path) -> Fresh:
    """Provide a function that returns an untagged file of one second by its extension."""

    def make(extension: str) -> Path:
        no_tag = ("-id3v2_version", "0") if extension == "mp3" else ()
        source = sounds.tone(f"plain.{extension}", "-fflags", "+bitexact", *no_tag, seconds=1)
        return copy(source, tmp_path / f"in.{extension}")

    return make


def test_id3v1_is_read_as_latin_1(engine: FfmpegEngine, fresh: Fresh) -> None:
    path = with_id3v1(fresh("mp3"), "Über".encode("latin-1"), "Motörhead".encode("latin-1"), 7)
    found = read(engine, path)
    assert (found.tags["artist"], found.tags["title"]) == ("Motörhead", "Über")
    assert (found.tags["track"], found.tags["genre"]) == ("7", "Rock")
    assert "tag_encoding_guessed" not in found.codes


def test_cyrillic_id3v1_is_guessed_and_said(engine: FfmpegEngine, fresh: Fresh) -> None:
    path = with_id3v1(fresh("mp3"), "Группа крови".encode("cp1251"), "Кино".encode("cp1251"))
    found = read(engine, path)
    assert (found.tags["artist"], found.tags["title"]) == ("Кино", "Группа крови")
    assert "read as Cyrillic (Windows-1251)" in found.details


def test_cyrillic_declared_as_latin_1_is_guessed(engine: FfmpegEngine, fresh: Fresh) -> None:
    frames = [
        kind(encoding=0, text=[text.encode("cp1251").decode("latin-1")])
        for kind, text in ((TIT2, "Звезда по имени Солнце"), (TPE1, "Кино"))
    ]
    found = read(engine, with_frames(fresh("mp3"), *frames, version=3))
    assert (found.tags["artist"], found.tags["title"]) == ("Кино", "Звезда по имени Солнце")


def test_riff_info_is_decoded(engine: FfmpegEngine, tmp_path: Path, sounds: AudioFiles) -> None:
    content = sounds.tone("plain.wav", seconds=1).read_bytes()
    name = "Мумий Тролль".encode("cp1251")
    info = b"INFOIART" + struct.pack("<I", len(name)) + name + b"\0" * (len(name) % 2)
    chunk = b"LIST" + struct.pack("<I", len(info)) + info
    (tmp_path / "in.wav").write_bytes(
        b"RIFF" + struct.pack("<I", len(content) + len(chunk) - 8) + content[8:] + chunk
    )
    assert read(engine, tmp_path / "in.wav").tags["artist"] == "Мумий Тролль"


def test_utf_16_with_unsynchronisation_is_read(engine: FfmpegEngine, fresh: Fresh) -> None:
    def frame(name: bytes, text: str) -> bytes:
        body = b"\1" + text.encode("utf-16")
        return name + struct.pack(">I", len(body)) + b"\0\0" + body

    frames = frame(b"TIT2", "ÿ Кино ÿ") + frame(b"TPE1", "Artist") + frame(b"TALB", "Album")
    body = frames.replace(b"\xff\x00", b"\xff\x00\x00").replace(b"\xff\xfe", b"\xff\x00\xfe")
    size = bytes((len(body) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    path = fresh("mp3")
    path.write_bytes(b"ID3\3\0\x80" + size + body + path.read_bytes())
    tags = read(engine, path).tags
    assert (tags["title"], tags["artist"], tags["album"]) == ("ÿ Кино ÿ", "Artist", "Album")


def test_id3v2_2_names_are_known(engine: FfmpegEngine, fresh: Fresh) -> None:
    def frame(name: bytes, text: bytes) -> bytes:
        return name + (len(text) + 1).to_bytes(3, "big") + b"\0" + text

    body = frame(b"TT2", b"Title") + frame(b"TCM", b"Bach") + frame(b"TPA", b"1/2")
    path = fresh("mp3")
    size = bytes((len(body) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    path.write_bytes(b"ID3\2\0\0" + size + body + path.read_bytes())
    tags = read(engine, path).tags
    assert (tags["title"], tags["composer"], tags["disc"]) == ("Title", "Bach", "1/2")


def test_id3v1_adds_what_id3v2_lacks(engine: FfmpegEngine, fresh: Fresh) -> None:
    path = with_frames(fresh("mp3"), TXXX(encoding=3, desc="REPLAYGAIN_TRACK_GAIN", text="-6.1 dB"))
    tags = read(engine, with_id3v1(path, b"Title", b"Artist")).tags
    assert (tags["title"], tags["artist"]) == ("Title", "Artist")
    assert tags["replaygain_track_gain"] == "-6.1 dB"


def test_a_longer_id3v2_wins_over_id3v1(engine: FfmpegEngine, fresh: Fresh) -> None:
    path = with_frames(fresh("mp3"), TIT2(encoding=3, text="A title longer than thirty letters"))
    tags = read(engine, with_id3v1(path, b"A title longer than thirty let", b"")).tags
    assert tags["title"] == "A title longer than thirty letters"


def test_apev2_in_mp3_is_read(engine: FfmpegEngine, fresh: Fresh) -> None:
    path = with_ape(fresh("mp3"), Title="T", Artist="A", Year="1999", Album_Artist="Both")
    tags = read(engine, path).tags
    assert (tags["title"], tags["artist"]) == ("T", "A")
    assert (tags["date"], tags["album_artist"]) == ("1999", "Both")


def test_apev2_before_the_sound_wins_over_id3v1(engine: FfmpegEngine, fresh: Fresh) -> None:
    path = fresh("mp3")
    sound = path.read_bytes()
    tagged = with_ape(path, Title="A title longer than thirty letters").read_bytes()
    path.write_bytes(tagged.removeprefix(sound) + sound)
    tags = read(engine, with_id3v1(path, b"Another one", b"")).tags
    assert tags["title"] == "A title longer than thirty letters"


def test_wm_names_are_known(engine: FfmpegEngine, fresh: Fresh) -> None:
    path = fresh("wma")
    file: Any = ASF(path)
    file["WM/Year"], file["WM/AlbumArtist"], file["WM/Lyrics"] = "2003", "Both", "La\r\nla"
    file["WM/BeatsPerMinute"], file["Description"] = "120", "A comment"
    file.save()
    tags = read(engine, path).tags
    assert (tags["date"], tags["album_artist"], tags["lyrics"]) == ("2003", "Both", "La\nla")
    assert (tags["bpm"], tags["comment"]) == ("120", "A comment")


def test_id3_in_aiff_wins_over_its_name_chunk(engine: FfmpegEngine, tmp_path: Path) -> None:
    path = tmp_path / "in.aiff"
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-metadata", "title=NAME chunk", path)
    file: Any = AIFF(path)
    file.add_tags()
    file.tags.add(TIT2(encoding=3, text="ID3"))
    file.save()
    assert read(engine, path).tags["title"] == "ID3"


def test_several_values_are_joined_for_people(engine: FfmpegEngine, fresh: Fresh) -> None:
    path = with_frames(
        fresh("mp3"), TPE1(encoding=3, text=["A", "B"]), TCOM(encoding=3, text=["C", "D"])
    )
    tags = read(engine, path).tags
    assert (tags["artist"], tags["composer"]) == ("A; B", "C; D")


@pytest.mark.parametrize("newline", ["\r\n", "\r", "\n"])
def test_all_lines_are_read(newline: str, engine: FfmpegEngine, fresh: Fresh) -> None:
    text = newline.join(("one", "two", "", "four"))
    path = with_comments(fresh("flac"), ("COMMENT", text), ("LYRICS", text))
    tags = read(engine, path).tags
    assert tags["comment"] == tags["lyrics"] == "one\ntwo\n\nfour"


def test_totals_are_joined_with_numbers(engine: FfmpegEngine, fresh: Fresh) -> None:
    path = with_comments(
        fresh("flac"), ("TRACKNUMBER", "3"), ("TOTALTRACKS", "12"), ("DISCNUMBER", "1/2")
    )
    tags = read(engine, path).tags
    assert (tags["track"], tags["disc"]) == ("3/12", "1/2")
    assert "track_total" not in tags


def test_id3_frames_of_many_kinds_are_read(engine: FfmpegEngine, fresh: Fresh) -> None:
    path = with_frames(
        fresh("mp3"),
        USLT(encoding=3, lang="eng", desc="", text="La la"),
        COMM(encoding=3, lang="eng", desc="", text="Nice"),
        COMM(encoding=3, lang="eng", desc="iTunSMPB", text="0 0"),
        TBPM(encoding=3, text="128"),
        TPE2(encoding=3, text="Both"),
        TALB(encoding=3, text="Album"),
        TIPL(encoding=3, people=[["producer", "P"], ["guitar", "G"]]),
        RVA2(desc="track", channel=1, gain=-4.5, peak=0.5),
    )
    tags = read(engine, path).tags
    assert (tags["lyrics"], tags["comment"], tags["bpm"]) == ("La la", "Nice", "128")
    assert (tags["album_artist"], tags["album"]) == ("Both", "Album")
    assert (tags["producer"], tags["performer"]) == ("P", "G (guitar)")
    assert tags["replaygain_track_gain"] == "-4.50 dB"
    assert "itunsmpb" not in tags


def test_unknown_tags_keep_their_names(engine: FfmpegEngine, fresh: Fresh) -> None:
    path = with_comments(fresh("flac"), ("MY OWN TAG", "mine"), ("ENCODER", "Lavf"))
    tags = read(engine, path).tags
    assert tags["my own tag"] == "mine"
    assert "encoder" not in tags


def test_the_account_of_a_buyer_is_left_out(engine: FfmpegEngine, fresh: Fresh) -> None:
    """mutagen calls the tags by their atoms, FFmpeg by names of its own."""
    path = fresh("m4a")
    file: Any = MP4(path)
    file["apID"], file["purd"], file["akID"] = "me@example.org", "2019-05-01", [0]
    file["©nam"] = "Title"
    file.save()
    assert set(read(engine, path).tags) == {"title"}


def test_long_lyrics_are_kept_and_endless_ones_named(engine: FfmpegEngine, fresh: Fresh) -> None:
    lyrics = "\n".join(f"line {n} of a very long song" for n in range(9000))
    found = read(engine, with_comments(fresh("flac"), ("LYRICS", lyrics)), "flac")
    assert lyrics.encode() in found.made.content
    found = read(engine, with_comments(fresh("flac"), ("LYRICS", "la " * 500_000)), "flac")
    assert "too large or of an unknown kind: lyrics" in found.details


def test_the_front_cover_is_taken(engine: FfmpegEngine, fresh: Fresh, sounds: AudioFiles) -> None:
    front = sounds.cover.read_bytes()
    back = front[:-12] + b"\0\0\0\4tEXtback\0\0\0\0" + front[-12:]
    found = read(engine, with_pictures(fresh("flac"), (4, back), (3, front)), "flac")
    assert front in found.made.content
    assert back not in found.made.content
    assert "Of the file's 2 pictures, only the front cover was kept." in found.details


@pytest.mark.parametrize("name", ["METADATA_BLOCK_PICTURE", "COVERART", "WM/Picture"])
def test_a_damaged_picture_leaves_the_tags_behind_it(
    name: str, engine: FfmpegEngine, fresh: Fresh
) -> None:
    if name == "WM/Picture":
        path = fresh("wma")
        file: Any = ASF(path)
        file[name], file["WM/Mood"] = ASFByteArrayAttribute(b"\3"), "calm"
        file.save()
    else:
        path = with_comments(fresh("ogg"), ("TITLE", "T"), (name, "A"), ("MOOD", "calm"))
    found = read(engine, path)
    assert found.tags["mood"] == "calm"
    assert "picture." in found.details


def test_damaged_tags_do_not_stop_a_conversion(engine: FfmpegEngine, fresh: Fresh) -> None:
    path = with_comments(fresh("flac"), ("TITLE", "kept?"))
    content = bytearray(path.read_bytes())
    at = content.index(b"TITLE=") - 4
    content[at : at + 4] = b"\xff\xff\xff\x7f"
    path.write_bytes(content)
    assert read(engine, path).made.content
