"""Write tags with mutagen, and read what the engine makes of them."""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mutagen
from mutagen.apev2 import APEv2
from mutagen.flac import FLAC, Picture
from mutagen.id3 import ID3, Frame

from services.conversion.pipeline.engine import FfmpegEngine
from tests.conversion.media_support import Made, convert


@dataclass
class Read:
    """Hold the tags that the API shows, and the codes of the warnings."""

    tags: dict[str, str]
    codes: list[str]
    details: str
    made: Made


def read(engine: FfmpegEngine, source: Path, fmt: str = "wav", **options: Any) -> Read:
    """Convert a source, and return its tags as the API shows them."""
    made = convert(engine, source, fmt, **options)
    shown = next(tick.source for tick in made.ticks if tick.source is not None)
    warnings = made.result.warning_details
    return Read(
        dict(shown.tags),
        [warning.code for warning in warnings],
        " ".join(warning.detail for warning in warnings),
        made,
    )


def copy(source: Path, target: Path) -> Path:
    """Copy a file, so that its tags can be changed."""
    target.write_bytes(source.read_bytes())
    return target


def with_frames(path: Path, *frames: Frame, version: int = 4) -> Path:
    """Write an ID3v2 tag with these frames."""
    tags = ID3()
    for frame in frames:
        tags.add(frame)
    if version == 3:
        tags.update_to_v23()
    tags.save(path, v1=0, v2_version=version)
    return path


def with_id3v1(path: Path, title: bytes, artist: bytes, track: int = 0) -> Path:
    """Append an ID3v1 tag."""
    tag = struct.pack(
        ">3s30s30s30s4s28sBBB", b"TAG", title, artist, b"", b"1991", b"", 0, track, 17
    )
    path.write_bytes(path.read_bytes() + tag)
    return path


def with_ape(path: Path, **items: str) -> Path:
    """Append an APEv2 tag; underscores in names are spaces."""
    tags: Any = APEv2()
    for name, value in items.items():
        tags[name.replace("_", " ")] = value
    tags.save(path)
    return path


def with_comments(path: Path, *pairs: tuple[str, str]) -> Path:
    """Write Vorbis comments, in this order."""
    file: Any = mutagen.File(path)
    file.tags.clear()
    file.tags.extend(pairs)
    file.save()
    return path


def with_pictures(path: Path, *pictures: tuple[int, bytes]) -> Path:
    """Write the pictures into a FLAC file, by type and in this order."""
    file: Any = FLAC(path)
    for kind, data in pictures:
        picture = Picture()
        picture.type, picture.data, picture.mime = kind, data, "image/png"
        file.add_picture(picture)
    file.save()
    return path
