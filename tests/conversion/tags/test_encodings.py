"""Read text in every encoding from every tag that does not say its own; write docs/formats.md."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from mutagen.id3 import TIT2, TPE1

from services.conversion.pipeline.engine import FfmpegEngine
from tests.conversion.audio_files import AudioFiles
from tests.conversion.pipeline.format_tables import Table
from tests.conversion.tags.support import copy, read, with_frames, with_id3v1

TEXTS = {
    "Latin-1": ("cp1252", "Motörhead", "Für Elise"),
    "UTF-8": ("utf-8", "Кино", "Für Elise"),
    "Windows-1251": ("cp1251", "Кино", "Группа крови"),
    "KOI8-R": ("koi8_r", "Аквариум", "Город золотой"),
    "Windows-1253": ("cp1253", "Μίκης", "Θεοδωράκης Ζορμπάς"),
    "Windows-1255": ("cp1255", "נעמי שמר", "ירושלים של זהב"),
    "Shift JIS": ("shift_jis", "椎名林檎", "勝訴ストリップ"),
    "GB 18030": ("gb18030", "王菲", "月亮代表我的心"),
    "Big5": ("big5", "鄧麗君", "七里香"),
    "EUC-KR": ("euc_kr", "아이유", "좋은 날"),
}
Make = Callable[[Path, bytes, bytes], Path]


def latin_frames(path: Path, artist: bytes, title: bytes) -> Path:
    """Declare the bytes as Latin-1, as old taggers do."""
    frames = (
        TPE1(encoding=0, text=artist.decode("latin-1")),
        TIT2(encoding=0, text=title.decode("latin-1")),
    )
    return with_frames(path, *frames, version=3)


def info_list(path: Path, artist: bytes, title: bytes) -> Path:
    """Append an INFO list to a WAV."""
    info = b"INFO"
    for name, value in ((b"IART", artist), (b"INAM", title)):
        info += name + struct.pack("<I", len(value)) + value + b"\0" * (len(value) % 2)
    content = path.read_bytes() + b"LIST" + struct.pack("<I", len(info)) + info
    path.write_bytes(content[:4] + struct.pack("<I", len(content) - 8) + content[8:])
    return path


def text_chunks(path: Path, artist: bytes, title: bytes) -> Path:
    """Append NAME and AUTH chunks to an AIFF."""
    content = path.read_bytes()
    for name, value in ((b"AUTH", artist), (b"NAME", title)):
        content += name + struct.pack(">I", len(value)) + value + b"\0" * (len(value) % 2)
    path.write_bytes(content[:4] + struct.pack(">I", len(content) - 8) + content[8:])
    return path


MAKERS: dict[str, tuple[str, Make]] = {
    "ID3v1": ("mp3", lambda path, artist, title: with_id3v1(path, title, artist)),
    "ID3v2 as Latin-1": ("mp3", latin_frames),
    "INFO of WAV": ("wav", info_list),
    "chunks of AIFF": ("aiff", text_chunks),
}
TABLE = Table("Encodings of tags", TEXTS, MAKERS)


@pytest.mark.parametrize("place", MAKERS)
@pytest.mark.parametrize("kind", TEXTS)
def test_text_is_read_in_every_encoding(
    kind: str, place: str, engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    encoding, artist, title = TEXTS[kind]
    extension, make = MAKERS[place]
    no_tag = ("-id3v2_version", "0") if extension == "mp3" else ()
    source = sounds.tone(f"plain.{extension}", "-fflags", "+bitexact", *no_tag, seconds=1)
    path = copy(source, tmp_path / f"in.{extension}")
    found = read(engine, make(path, artist.encode(encoding), title.encode(encoding)))
    assert (found.tags["artist"], found.tags["title"]) == (artist, title)
    is_guessed = "tag_encoding_guessed" in found.codes
    assert is_guessed == (kind not in ("Latin-1", "UTF-8"))
    TABLE.note(kind, place, "guessed" if is_guessed else "read")


def test_the_table_of_encodings_is_up_to_date() -> None:
    TABLE.check()
