"""Carry all chapters, or say how many are left out; plain FFmpeg and mutagen count them."""

import io
import subprocess
from pathlib import Path
from typing import Any

import mutagen
import pytest
from mutagen.id3 import APIC, CHAP, ID3, TIT2, TPE1
from mutagen.ogg import OggPage

from libs.core.domain.formats import FORMATS
from services.conversion.ffmpeg import ffmetadata
from services.conversion.ffmpeg.ffmetadata import Chapter, Metadata
from services.conversion.pipeline.engine import FfmpegEngine
from tests.conversion.audio_files import AudioFiles
from tests.conversion.media_support import FFMPEG, Made, convert, ffmpeg
from tests.conversion.tags.support import copy, with_frames

NUMBERED = ("flac", "ogg", "opus")
"""Formats that number chapters by three digits."""
ID3_AT_THE_BEGINNING, ID3_IN_A_CHUNK = (".mp3", ".aac"), (".wav", ".aiff")
OTHERS = [fmt for fmt in FORMATS if fmt not in (*NUMBERED, "ac3")]


def with_chapters(folder: Path, chapters: list[Chapter], seconds: int = 2) -> Path:
    """Make a Matroska file with these chapters."""
    (folder / "chapters.txt").write_bytes(ffmetadata.render(Metadata({}, chapters)))
    path = folder / "in.mka"
    ffmpeg(
        "-f", "lavfi", "-i", f"sine=d={seconds}", "-i", folder / "chapters.txt",
        "-map_chapters", "1", "-c:a", "flac", path,
    )  # fmt: skip
    return path


def many(count: int) -> list[Chapter]:
    return [Chapter(n / 1000, (n + 1) / 1000, f"Chapter {n}") for n in range(count)]


def titles(made: Made, path: Path) -> list[str]:
    """Return the titles of the chapters that mutagen or plain FFmpeg finds in a result."""
    path.write_bytes(made.content)
    if path.suffix in (*ID3_AT_THE_BEGINNING, *ID3_IN_A_CHUNK):
        tags: Any = mutagen.File(path).tags if path.suffix in ID3_IN_A_CHUNK else ID3(path)
        chapters = sorted(tags.getall("CHAP"), key=lambda c: c.start_time)
        return [str(chapter.sub_frames["TIT2"]) for chapter in chapters]
    command = [FFMPEG, "-v", "error", "-i", str(path), "-f", "ffmetadata", "-"]
    text = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout.decode(
        errors="ignore"
    )
    sections = text.split("[CHAPTER]\n")[1:]
    return [each.partition("title=")[2].split("\n")[0] for each in sections]


def reasons(made: Made) -> set[tuple[str, str | None]]:
    return {(w.code, w.reason) for w in made.result.warning_details if "chapter" in w.code}


@pytest.mark.parametrize("fmt", OTHERS)
def test_an_audio_book_of_many_chapters_keeps_all(
    fmt: str, engine: FfmpegEngine, tmp_path: Path
) -> None:
    """The Bible has 1,189."""
    made = convert(engine, with_chapters(tmp_path, many(1189)), fmt)
    assert reasons(made) == set()
    assert titles(made, tmp_path / f"x.{FORMATS[fmt].extension}") == [c.title for c in many(1189)]


@pytest.mark.parametrize("fmt", NUMBERED)
def test_chapters_beyond_the_numbers_of_a_format_cause_a_warning(
    fmt: str, engine: FfmpegEngine, tmp_path: Path
) -> None:
    made = convert(engine, with_chapters(tmp_path, many(1189)), fmt)
    assert reasons(made) == {("chapters_dropped", "too_many")}
    assert any("1,189 chapters, only the first 1,000" in text for text in made.result.warnings)
    (tmp_path / f"x.{fmt}").write_bytes(made.content)
    tags: Any = mutagen.File(tmp_path / f"x.{fmt}").tags
    assert tags["CHAPTER999NAME"] == ["Chapter 999"]
    assert "CHAPTER1000" not in tags


def test_chapters_beyond_our_own_limit_cause_a_warning(
    engine: FfmpegEngine, tmp_path: Path
) -> None:
    made = convert(engine, with_chapters(tmp_path, many(5100), seconds=6), "mp3")
    assert reasons(made) == {("chapters_dropped", "too_many")}
    assert any("5,100 chapters, only the first 5,000" in text for text in made.result.warnings)


@pytest.mark.parametrize("fmt", [*OTHERS, *NUMBERED])
def test_a_very_long_title_is_shortened_with_a_warning(
    fmt: str, engine: FfmpegEngine, tmp_path: Path
) -> None:
    chapters = [
        Chapter(0, 1, "ä" * 70_000),
        *(Chapter(1 + n / 1e3, 2, "b" * 1000) for n in range(200)),
    ]
    made = convert(engine, with_chapters(tmp_path, chapters), fmt)
    assert reasons(made) == {("chapter_titles_shortened", None)}
    found = titles(made, tmp_path / f"x.{FORMATS[fmt].extension}")
    read = 511 if fmt == "wma" else 1000  # FFmpeg reads no more of a marker's name
    assert {each[:read] for each in found} == {"ä" * read, "b" * read}
    assert len(found) == 201


def test_many_chapters_of_id3_are_in_nested_tables(engine: FfmpegEngine, tmp_path: Path) -> None:
    made = convert(engine, with_chapters(tmp_path, many(600)), "mp3")
    (tmp_path / "x.mp3").write_bytes(made.content)
    tags: Any = ID3(tmp_path / "x.mp3")

    def entries(name: str) -> list[str]:
        children = tags[f"CTOC:{name}"].child_element_ids
        return [e for c in children for e in (entries(c) if f"CTOC:{c}" in tags else [c])]

    assert entries("toc") == [f"ch{n}" for n in range(600)]
    assert [tags[f"CTOC:{each}"].flags for each in ("toc", "toc0", "toc2")] == [3, 1, 1]


def test_a_chapter_without_a_length_is_kept(
    engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    source = copy(sounds.tone("untagged.mp3", "-id3v2_version", "0"), tmp_path / "in.mp3")
    frames = [
        CHAP(
            element_id=f"c{at}", start_time=at, end_time=at, start_offset=0, end_offset=0,
            sub_frames=[TIT2(encoding=3, text=[f"at {at}"])],
        )
        for at in (0, 500, 1500)
    ]  # fmt: skip
    made = convert(engine, with_frames(source, *frames), "m4a")
    assert titles(made, tmp_path / "x.m4a") == ["at 0", "at 500", "at 1500"]


@pytest.mark.parametrize("fmt", ["mp3", "m4a", "flac"])
def test_chapters_of_mp3_keep_their_times_and_long_titles(
    fmt: str, engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    """FFmpeg moves them by the encoder's delay, and loses those of more than 127 bytes."""
    source = copy(sounds.tone("untagged.mp3", "-id3v2_version", "0"), tmp_path / "in.mp3")
    names = ["One", "x" * 300, "Three"]
    frames = [
        CHAP(
            element_id=str(n), start_time=n * 600, end_time=n * 600 + 600, start_offset=0xFFFFFFFF,
            end_offset=0xFFFFFFFF, sub_frames=[TIT2(encoding=3, text=[name])],
        )
        for n, name in enumerate(names)
    ]  # fmt: skip
    made = convert(engine, with_frames(source, *frames), fmt)
    assert titles(made, tmp_path / f"x.{fmt}") == names
    if fmt == "mp3":
        tags: Any = ID3(tmp_path / "x.mp3")
        assert [tags[f"CHAP:ch{n}"].start_time for n in range(3)] == [0, 600, 1200]
    if fmt == "flac":
        comments: Any = mutagen.File(tmp_path / "x.flac").tags
        assert comments["CHAPTER001"] == ["00:00:00.600"]


def test_pictures_of_chapters_are_named(
    engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    source = copy(sounds.tone("untagged.mp3", "-id3v2_version", "0"), tmp_path / "in.mp3")
    picture = APIC(encoding=3, mime="image/png", type=3, desc="", data=sounds.cover.read_bytes())
    title = TIT2(encoding=3, text=["One"])
    frame = CHAP(
        element_id="c", start_time=0, end_time=900, start_offset=0, end_offset=0,
        sub_frames=[title, picture],
    )  # fmt: skip
    made = convert(engine, with_frames(source, frame), "mp3")
    assert any("pictures of chapters" in text for text in made.result.warnings)
    assert titles(made, tmp_path / "x.mp3") == ["One"]


def test_chapters_of_two_tags_are_not_doubled(
    engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    """The second tag of ID3v2 is at the end, with a footer."""
    source = copy(sounds.tone("untagged.mp3", "-id3v2_version", "0"), tmp_path / "in.mp3")
    sound = source.read_bytes()
    frames = [
        CHAP(
            element_id=f"c{n}", start_time=n * 900, end_time=n * 900 + 900, start_offset=0,
            end_offset=0, sub_frames=[TIT2(encoding=3, text=[f"at {n}"])],
        )
        for n in range(2)
    ]  # fmt: skip
    with_frames(source, *frames)
    tag = source.read_bytes()[: -len(sound)]
    footed = tag[:5] + bytes([tag[5] | 0x10]) + tag[6:]
    source.write_bytes(tag + sound + footed + b"3DI" + footed[3:10])
    made = convert(engine, source, "mp3")
    assert titles(made, tmp_path / "x.mp3") == ["at 0", "at 1"]


def test_titles_of_id3_are_read_in_the_encoding_of_its_other_tags(
    engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    """Alone, "Ночь" may be anything."""
    source = copy(sounds.tone("untagged.mp3", "-id3v2_version", "0"), tmp_path / "in.mp3")
    artist, title, plain = (
        [text.encode("cp1251").decode("latin-1")] for text in ("Аквариум", "Ночь", "One")
    )
    frames = [
        CHAP(
            element_id=f"c{n}", start_time=n * 900, end_time=n * 900 + 900, start_offset=0,
            end_offset=0, sub_frames=[TIT2(encoding=0, text=text)],
        )
        for n, text in enumerate([title, plain])
    ]  # fmt: skip
    made = convert(engine, with_frames(source, *frames, TPE1(encoding=0, text=artist)), "mp3")
    assert titles(made, tmp_path / "x.mp3") == ["Ночь", "One"]
    assert "tag_encoding_guessed" in {w.code for w in made.result.warning_details}


@pytest.mark.parametrize("fmt", ["mp3", "m4a", "flac"])
def test_titles_in_an_old_encoding_are_read(fmt: str, engine: FfmpegEngine, tmp_path: Path) -> None:
    """FFmpeg returns the bytes of Vorbis comments as they are."""
    path = tmp_path / "in.ogg"
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-c:a", "libvorbis", path)
    file: Any = mutagen.File(path)
    file.tags.extend([("CHAPTER000", "00:00:00.000"), ("CHAPTER000NAME", "Xxxxxx")])
    file.save()
    content, pages = (
        io.BytesIO(path.read_bytes().replace(b"Xxxxxx", "Привет".encode("cp1251"))),
        b"",
    )
    while (page := next_page(content)) is not None:
        pages += page.write()
    made = convert(engine, pages, fmt)
    if fmt == "flac":
        (tmp_path / "x.flac").write_bytes(made.content)
        tags: Any = mutagen.File(tmp_path / "x.flac").tags
        assert tags["CHAPTER000NAME"] == ["Привет"]
    else:
        assert titles(made, tmp_path / f"x.{fmt}") == ["Привет"]


def next_page(file: io.BytesIO) -> OggPage | None:
    try:
        return OggPage(file)
    except EOFError:
        return None
