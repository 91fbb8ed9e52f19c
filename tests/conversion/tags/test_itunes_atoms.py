"""Keep the atoms of classical music, and name what is no text."""

from pathlib import Path
from typing import Any

import pytest
from mutagen.id3 import ID3
from mutagen.mp4 import MP4

from services.conversion.pipeline.engine import FfmpegEngine
from tests.conversion.audio_files import AudioFiles
from tests.conversion.tags.support import copy, read, with_comments

FREE = "----:com.apple.iTunes:"


@pytest.fixture
def source(sounds: AudioFiles, tmp_path: Path) -> Path:
    """Provide an M4A file of the second movement of three."""
    path = copy(sounds.tone("untagged.m4a", "-c:a", "aac", seconds=1), tmp_path / "in.m4a")
    tags: Any = MP4(path)
    tags["©mvn"], tags["©mvi"], tags["©mvc"], tags["shwm"] = "Andante", [2], [3], [1]
    tags["©wrk"] = "Sonata"
    tags["----:com.serato.dj:markers"] = b"\0\1\xff"
    tags[f"{FREE}MOOD"] = "Träge".encode()
    tags.save()
    return path


def test_movements_keep_their_atoms(engine: FfmpegEngine, source: Path) -> None:
    source.with_name("out.m4a").write_bytes(read(engine, source, "m4a").made.content)
    tags: Any = MP4(source.with_name("out.m4a"))
    assert (tags["©mvn"], tags["©mvi"], tags["©mvc"]) == (["Andante"], [2], [3])
    assert (tags["shwm"], tags["©wrk"]) == ([1], ["Sonata"])


def test_movements_have_frames_in_id3(engine: FfmpegEngine, source: Path) -> None:
    found = read(engine, source, "mp3")
    source.with_name("out.mp3").write_bytes(found.made.content)
    tags: Any = ID3(source.with_name("out.mp3"))
    assert (str(tags["MVNM"]), str(tags["MVIN"])) == ("Andante", "2")


def test_the_data_of_a_program_is_named_and_not_kept_as_text(
    engine: FfmpegEngine, source: Path
) -> None:
    found = read(engine, source, "m4a")
    assert "tags_unreadable" in found.codes
    assert "markers" in found.details
    source.with_name("out.m4a").write_bytes(found.made.content)
    tags: Any = MP4(source.with_name("out.m4a"))
    assert tags[f"{FREE}MOOD"] == ["Träge".encode()]
    assert f"{FREE}markers" not in tags


@pytest.mark.parametrize("values", [["1/3", "2/3"], ["1"]])
def test_several_values_of_a_number_are_all_kept(
    values: list[str], engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    path = copy(sounds.tone("untagged.flac", seconds=1), tmp_path / "in.flac")
    tagged = with_comments(path, *(("TRACKNUMBER", value) for value in values))
    (tmp_path / "out.m4a").write_bytes(read(engine, tagged, "m4a").made.content)
    tags: Any = MP4(tmp_path / "out.m4a")
    assert tags["trkn"] == [(1, 3 if len(values) > 1 else 0)]
    more = [value.encode() for value in values] if len(values) > 1 else None
    assert tags.tags.get(f"{FREE}TRACKNUMBER") == more
