"""Keep huge tags in the output, and little of them on the item."""

from pathlib import Path

import msgspec
from mutagen.id3 import ID3, TXXX

from libs.core.adapters.aws.dynamodb.encoding import encode_fields
from libs.core.adapters.aws.dynamodb.warnings import encode_warnings
from libs.core.domain.item_text import KIB, MAX_TAGS
from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.source_schemas import SourceSchema
from tests.conversion.audio_files import AudioFiles
from tests.conversion.media_support import ffmpeg
from tests.conversion.tags.support import copy, read, with_frames

WIDE = "😀"


def test_forty_huge_tags_are_kept_in_the_output_and_cut_on_the_item(
    engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    tags = {f"{n:02}{WIDE * 190}": f"{n}{WIDE * 999}" for n in range(40)}
    frames = (TXXX(encoding=3, desc=name, text=[value]) for name, value in tags.items())
    source = with_frames(copy(sounds.tone("t.mp3", seconds=1), tmp_path / "in.mp3"), *frames)

    found = read(engine, source, "mp3")

    (tmp_path / "out.mp3").write_bytes(found.made.content)
    written = ID3(tmp_path / "out.mp3").getall("TXXX")
    assert {frame.desc: frame.text[0] for frame in written} == tags
    shown = found.made.ticks[-1].source
    assert shown is not None
    item = encode_fields(shown) | encode_warnings(found.made.result.warning_details)
    assert MAX_TAGS - 4 <= len("".join(k + v for k, v in found.tags.items()).encode()) <= MAX_TAGS
    assert len(str(item).encode()) < 10 * KIB
    assert len(msgspec.json.encode(SourceSchema.of(shown))) < 10 * KIB


def test_names_of_huge_tags_in_warnings_are_short(
    engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    frames = (TXXX(encoding=3, desc=f"{n:02}{WIDE * 200}", text=["x"]) for n in range(40))
    source = with_frames(copy(sounds.tone("t.mp3", seconds=1), tmp_path / "in.mp3"), *frames)

    found = read(engine, source)

    assert "tags_unreadable" in found.codes
    assert len(found.details.encode()) < KIB


def test_long_texts_of_many_tracks_are_cut_on_the_item(
    engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    path, tone = tmp_path / "in.mka", sounds.tone("t.flac", seconds=1)
    maps = [word for _ in range(80) for word in ("-map", "0")]
    texts = ("-metadata:s:a", f"title={'é' * 120}", "-metadata:s:a", f"language={'x' * 500}")
    ffmpeg("-i", tone, *maps, "-c", "copy", *texts, path)

    shown = read(engine, path).made.ticks[-1].source

    assert shown is not None
    assert (shown.tracks[0].title, shown.tracks[0].language) == ("é" * 100, "x" * 35)
    assert len(msgspec.json.encode(SourceSchema.of(shown))) < 10 * KIB
