"""Write every standard tag into every format, and read it with mutagen; write docs/formats.md."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mutagen
import pytest
from mutagen.id3 import ID3, TXXX

from libs.core.domain.formats import FORMATS
from services.conversion.pipeline.engine import FfmpegEngine
from tests.conversion.audio_files import AudioFiles
from tests.conversion.pipeline.format_tables import Table
from tests.conversion.tags.support import copy, read, with_comments, with_frames

TAGS: dict[str, list[str]] = {
    "TITLE": ["Ein Lied; mit = Zeichen #1"],
    "ARTIST": ["Jörg Ärger", "Кино"],
    "ALBUM": ["Das Album"],
    "ALBUMARTIST": ["Various"],
    "COMPOSER": ["One", "Two"],
    "DATE": ["2024-05-17"],
    "GENRE": ["Jazz", "Pop"],
    "TRACKNUMBER": ["3"],
    "TRACKTOTAL": ["12"],
    "DISCNUMBER": ["1"],
    "DISCTOTAL": ["2"],
    "COMMENT": ["Two\nlines"],
    "LYRICS": ["La la\nla\n\nend"],
    "BPM": ["128"],
    "ISRC": ["DEUM71900001"],
    "COPYRIGHT": ["© nobody"],
    "PUBLISHER": ["A house"],
    "GROUPING": ["A group"],
    "CONDUCTOR": ["A conductor"],
    "LYRICIST": ["A poet"],
    "PRODUCER": ["A producer"],
    "TITLESORT": ["Lied"],
    "ARTISTSORT": ["Ärger, Jörg"],
    "ALBUMSORT": ["Album"],
    "ALBUMARTISTSORT": ["Various, the"],
    "COMPOSERSORT": ["1"],
    "COMPILATION": ["1"],
    "MUSICBRAINZ_ALBUMID": ["a-b-c"],
    "MUSICBRAINZ_TRACKID": ["d-e-f"],
    "RELEASETYPE": ["album"],
    "ACOUSTID_ID": ["g-h-i"],
    "REPLAYGAIN_TRACK_GAIN": ["-6.50 dB"],
    "MY OWN TAG": ["mine"],
}
JOINED = {"TRACKNUMBER": ["3/12"], "DISCNUMBER": ["1/2"]}
"""Formats other than Vorbis comments hold the total with the number."""
ID3_NAMES = {
    "TITLE": "TIT2", "ARTIST": "TPE1", "ALBUM": "TALB", "ALBUMARTIST": "TPE2", "COMPOSER": "TCOM",
    "DATE": "TDRC", "GENRE": "TCON", "TRACKNUMBER": "TRCK", "DISCNUMBER": "TPOS",
    "COMMENT": "COMM::eng", "LYRICS": "USLT::eng", "BPM": "TBPM", "ISRC": "TSRC",
    "COPYRIGHT": "TCOP", "PUBLISHER": "TPUB", "GROUPING": "TIT1", "CONDUCTOR": "TPE3",
    "LYRICIST": "TEXT", "PRODUCER": "TIPL", "TITLESORT": "TSOT", "ARTISTSORT": "TSOP",
    "ALBUMSORT": "TSOA", "ALBUMARTISTSORT": "TSO2", "COMPOSERSORT": "TSOC", "COMPILATION": "TCMP",
    "MUSICBRAINZ_ALBUMID": "TXXX:MusicBrainz Album Id",
    "MUSICBRAINZ_TRACKID": "UFID:http://musicbrainz.org",
    "RELEASETYPE": "TXXX:MusicBrainz Album Type", "ACOUSTID_ID": "TXXX:Acoustid Id",
    "REPLAYGAIN_TRACK_GAIN": "TXXX:REPLAYGAIN_TRACK_GAIN", "MY OWN TAG": "TXXX:MY OWN TAG",
}  # fmt: skip
FREE = "----:com.apple.iTunes:"
MP4_NAMES = {
    "TITLE": "©nam", "ARTIST": "©ART", "ALBUM": "©alb", "ALBUMARTIST": "aART", "COMPOSER": "©wrt",
    "DATE": "©day", "GENRE": "©gen", "TRACKNUMBER": "trkn", "DISCNUMBER": "disk",
    "COMMENT": "©cmt", "LYRICS": "©lyr", "BPM": "tmpo", "ISRC": f"{FREE}ISRC", "COPYRIGHT": "cprt",
    "PUBLISHER": f"{FREE}PUBLISHER", "GROUPING": "©grp", "CONDUCTOR": "©con",
    "LYRICIST": f"{FREE}LYRICIST", "PRODUCER": f"{FREE}PRODUCER", "TITLESORT": "sonm",
    "ARTISTSORT": "soar", "ALBUMSORT": "soal", "ALBUMARTISTSORT": "soaa", "COMPOSERSORT": "soco",
    "COMPILATION": "cpil", "MUSICBRAINZ_ALBUMID": f"{FREE}MusicBrainz Album Id",
    "MUSICBRAINZ_TRACKID": f"{FREE}MusicBrainz Track Id",
    "RELEASETYPE": f"{FREE}MusicBrainz Album Type", "ACOUSTID_ID": f"{FREE}Acoustid Id",
    "REPLAYGAIN_TRACK_GAIN": f"{FREE}REPLAYGAIN_TRACK_GAIN", "MY OWN TAG": f"{FREE}MY OWN TAG",
}  # fmt: skip
ASF_NAMES = {
    "TITLE": "Title", "ARTIST": "Author", "ALBUM": "WM/AlbumTitle", "ALBUMARTIST": "WM/AlbumArtist",
    "COMPOSER": "WM/Composer", "DATE": "WM/Year", "GENRE": "WM/Genre",
    "TRACKNUMBER": "WM/TrackNumber", "DISCNUMBER": "WM/PartOfSet", "COMMENT": "Description",
    "LYRICS": "WM/Lyrics", "BPM": "WM/BeatsPerMinute", "ISRC": "WM/ISRC", "COPYRIGHT": "Copyright",
    "PUBLISHER": "WM/Publisher", "GROUPING": "WM/ContentGroupDescription",
    "CONDUCTOR": "WM/Conductor", "LYRICIST": "WM/Writer", "PRODUCER": "WM/Producer",
    "TITLESORT": "WM/TitleSortOrder", "ARTISTSORT": "WM/ArtistSortOrder",
    "ALBUMSORT": "WM/AlbumSortOrder", "ALBUMARTISTSORT": "WM/AlbumArtistSortOrder",
    "COMPOSERSORT": "WM/ComposerSortOrder", "COMPILATION": "WM/IsCompilation",
    "MUSICBRAINZ_ALBUMID": "MusicBrainz/Album Id",
    "MUSICBRAINZ_TRACKID": "MusicBrainz/Track Id", "RELEASETYPE": "MusicBrainz/Album Type",
    "ACOUSTID_ID": "Acoustid/Id",
    "REPLAYGAIN_TRACK_GAIN": "replaygain_track_gain", "MY OWN TAG": "MY OWN TAG",
}  # fmt: skip
VORBIS_NAMES = {name: name for name in TAGS}
OPUS_NAMES = VORBIS_NAMES | {"REPLAYGAIN_TRACK_GAIN": "R128_TRACK_GAIN"}
NAMES: dict[str, Mapping[str, str]] = {
    "mp3": ID3_NAMES, "aac": ID3_NAMES, "aiff": ID3_NAMES, "wav": ID3_NAMES, "m4a": MP4_NAMES,
    "alac": MP4_NAMES, "wma": ASF_NAMES, "flac": VORBIS_NAMES, "ogg": VORBIS_NAMES,
    "opus": OPUS_NAMES, "ac3": {},
}  # fmt: skip
TABLE = Table("Tags", TAGS, FORMATS)


@pytest.fixture
def source(sounds: AudioFiles, tmp_path: Path) -> Path:
    """Provide a FLAC file with all tags."""
    path = copy(sounds.tone("untagged.flac", seconds=1), tmp_path / "all.flac")
    return with_comments(path, *((name, v) for name, values in TAGS.items() for v in values))


def values_of(path: Path) -> dict[str, list[str]]:
    """Return what mutagen reads, as lists of text."""
    tags: Any = ID3(path) if path.suffix in (".aac", ".mp3") else mutagen.File(path).tags
    found: dict[str, list[str]] = {}
    for name, value in dict(tags).items():
        if hasattr(value, "people"):
            found[name] = [person for _, person in value.people]
        elif hasattr(value, "owner"):
            found[name] = [value.data.decode()]
        elif hasattr(value, "text"):
            texts = [value.text] if isinstance(value.text, str) else value.text
            found[name] = [str(each) for each in texts]
        else:
            each = value if isinstance(value, list) else [value]
            found[name] = [_text(one) for one in each]
    return {name.upper() if path.suffix in (".flac", ".ogg", ".opus") else name: values
            for name, values in found.items()}  # fmt: skip


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return "/".join(map(str, value))
    if isinstance(value, bool | int):
        return str(int(value))
    return bytes(value).decode() if isinstance(value, bytes) else str(value)


def expected(fmt: str, name: str) -> list[str]:
    """Return the values that the format holds."""
    values = TAGS[name] if fmt in ("flac", "ogg", "opus") else JOINED.get(name, TAGS[name])
    if fmt == "opus" and name == "REPLAYGAIN_TRACK_GAIN":
        return [str(round((-6.5 - 5) * 256))]
    return values


@pytest.mark.parametrize("fmt", FORMATS)
def test_every_tag_is_written_under_its_standard_name(
    fmt: str, engine: FfmpegEngine, source: Path, tmp_path: Path
) -> None:
    made = read(engine, source, fmt)
    output = tmp_path / f"out.{FORMATS[fmt].extension}"
    output.write_bytes(made.made.content)
    found = values_of(output) if fmt != "ac3" else {}
    for name in TAGS:
        key = NAMES[fmt].get(name, "")
        if key:
            assert found[key][: len(expected(fmt, name))] == expected(fmt, name), key
        part = "in the number" if name in ("TRACKTOTAL", "DISCTOTAL") and fmt != "ac3" else "–"
        TABLE.note(name, fmt, key.removeprefix(FREE) or part)
    told = [code for code in made.codes if code.startswith("tags_")]
    assert told == (["tags_dropped"] if fmt == "ac3" else [])


@pytest.mark.parametrize("fmt", [fmt for fmt in FORMATS if fmt != "ac3"])
def test_every_tag_survives_a_round_trip(
    fmt: str, engine: FfmpegEngine, source: Path, tmp_path: Path
) -> None:
    """Convert to the format and back to FLAC: what one writes, the other reads."""
    first = tmp_path / f"first.{FORMATS[fmt].extension}"
    first.write_bytes(read(engine, source, fmt).made.content)
    back = tmp_path / "back.flac"
    back.write_bytes(read(engine, first, "flac").made.content)
    found = values_of(back)
    assert {name: found.get(name) for name in TAGS} == TAGS


@pytest.mark.parametrize("fmt", [fmt for fmt in FORMATS if fmt != "ac3"])
def test_a_name_in_any_script_stops_no_conversion(
    fmt: str, engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    """Vorbis comments, which have ASCII names, are the one kind that need not keep it."""
    source = copy(
        sounds.tone("untagged.mp3", "-id3v2_version", "0", seconds=1), tmp_path / "in.mp3"
    )
    frame = TXXX(encoding=3, desc="Настроение", text="весна")
    output = tmp_path / f"out.{FORMATS[fmt].extension}"
    output.write_bytes(read(engine, with_frames(source, frame), fmt).made.content)
    found = read(engine, output).tags
    assert found.get("настроение") == (None if fmt in ("flac", "ogg", "opus") else "весна")


@pytest.mark.parametrize(("fmt", "key"), [("mp3", "TPUB"), ("wma", "WM/Publisher")])
def test_a_format_without_labels_stores_a_label_as_its_publisher(
    fmt: str, key: str, engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    for others in ([], [("PUBLISHER", "A house")]):
        path = copy(sounds.tone("untagged.flac", seconds=1), tmp_path / "in.flac")
        output = tmp_path / f"out.{fmt}"
        tagged = with_comments(path, ("LABEL", "A label"), *others)
        output.write_bytes(read(engine, tagged, fmt).made.content)
        assert values_of(output)[key] == (["A house"] if others else ["A label"])


def test_the_table_of_tags_is_up_to_date() -> None:
    TABLE.check()
