"""Choose among several audio tracks, and list them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from libs.core.domain.conversions import Source
from libs.core.domain.options import MAX_TRACK_INDEX
from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.ports import MediaError
from tests.conversion.media_support import Made, convert, ffmpeg
from tests.conversion.pcm import decode

TONES = (440, 880, 1320)


def tracks(path: Path, *options: str, count: int = 2, codec: str = "flac") -> Path:
    """Make a file whose tracks have different tones."""
    inputs = [word for tone in TONES[:count] for word in ("-f", "lavfi", "-i", f"sine={tone}:d=2")]
    maps = [word for number in range(count) for word in ("-map", str(number))]
    ffmpeg(*inputs, *maps, "-c:a", codec, *options, path)
    return path


def tone_of(made: Made, folder: Path) -> float:
    """Return the loudest frequency of a result, to 10 Hz."""
    (folder / "out").write_bytes(made.content)
    pcm = decode(folder / "out")
    row = pcm.samples[0][: pcm.sample_rate]
    return round(float(np.argmax(np.abs(np.fft.rfft(row)))) * pcm.sample_rate / len(row), -1)


def source_of(made: Made) -> Source:
    """Return the source as the API shows it."""
    source = made.ticks[-1].source
    assert source is not None
    return source


COMMENT_FIRST = ("-disposition:a:0", "comment", "-disposition:a:1", "default")


@pytest.mark.parametrize("name", ["two.mka", "two.mkv", "two.mov", "two.m4a"])
def test_the_default_track_is_converted(name: str, engine: FfmpegEngine, tmp_path: Path) -> None:
    codec = "flac" if name.startswith("two.mk") else "aac"
    path = tracks(tmp_path / name, *COMMENT_FIRST, codec=codec)
    made = convert(engine, path, "flac")
    assert tone_of(made, tmp_path) == 880
    assert (
        "This file has 2 audio tracks. The second one, which the file marks as its default, was"
        " converted." in made.result.warnings
    )
    assert [track.default for track in source_of(made).tracks] == [False, True]


@pytest.mark.parametrize("options", [(), ("-disposition:a:0", "comment")])
def test_without_a_default_the_first_main_track_is_converted(
    options: tuple[str, ...], engine: FfmpegEngine, tmp_path: Path
) -> None:
    path = tracks(tmp_path / "two.mka", "-disposition:a:1", "0", *options)
    assert tone_of(convert(engine, path, "flac"), tmp_path) == (880 if options else 440)


@pytest.mark.parametrize("track", [0, 1, 2])
def test_the_requested_track_is_converted(track: int, engine: FfmpegEngine, tmp_path: Path) -> None:
    path = tracks(tmp_path / "three.mka", "-disposition:a:1", "default", count=3)
    made = convert(engine, path, "flac", track=track, fade_out=0.1, normalize=-20.0)
    assert tone_of(made, tmp_path) == TONES[track]
    assert not [w for w in made.result.warning_details if w.code == "several_tracks"]


def test_a_track_that_is_not_there_is_refused(engine: FfmpegEngine, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="has 2 audio tracks") as refusal:
        convert(engine, tracks(tmp_path / "two.mka"), "mp3", track=2)
    assert refusal.value.code == "no_audio_stream"


def test_tracks_are_listed_with_language_and_title(engine: FfmpegEngine, tmp_path: Path) -> None:
    named = ("-metadata:s:a:0", "language=ger", "-metadata:s:a:0", "title=Kommentar: Regie")
    path = tracks(tmp_path / "two.mka", *named, *COMMENT_FIRST, "-ac:a:1", "2", "-ar:a:1", "48000")
    first, second = source_of(convert(engine, path, "flac")).tracks
    assert (first.language, first.title, first.default) == ("ger", "Kommentar: Regie", False)
    assert (second.language, second.title, second.default) == (None, None, True)
    assert (first.index, first.codec, first.channels, first.sample_rate) == (0, "flac", 1, 44100)
    assert (second.index, second.codec, second.channels, second.sample_rate) == (
        1,
        "flac",
        2,
        48000,
    )


def test_a_stream_of_a_broadcast_is_listed_once(engine: FfmpegEngine, tmp_path: Path) -> None:
    """MPEG-TS describes a stream of two programs in each of them."""
    programs = ("-program", "title=one:st=0:st=1", "-program", "title=two:st=1")
    path = tracks(tmp_path / "two.ts", *programs, codec="mp2")
    assert len(source_of(convert(engine, path, "flac")).tracks) == 2


def apac(path: Path) -> bytes:
    """Give the first track a codec that no decoder reads."""
    content = path.read_bytes()
    for old, new in ((b"mp4a", b"apac"), (b"esds", b"xsds")):
        content = content.replace(old, new, 1)
    return content


def test_a_track_that_no_decoder_reads_is_passed_over(engine: FfmpegEngine, tmp_path: Path) -> None:
    source = apac(tracks(tmp_path / "two.mov", codec="aac"))
    made = convert(engine, source, "flac")
    assert tone_of(made, tmp_path) == 880
    assert (
        "This file has 2 audio tracks. The second one, because TinyPixo can't read apple_apac, was"
        " converted." in made.result.warnings
    )
    assert [track.default for track in source_of(made).tracks] == [False, True]


@pytest.mark.parametrize("options", [{}, {"track": 0}])
def test_an_unreadable_only_track_is_refused_by_its_codec(
    options: dict[str, Any], engine: FfmpegEngine, tmp_path: Path
) -> None:
    source = apac(tracks(tmp_path / "one.m4a", count=1, codec="aac"))
    with pytest.raises(MediaError, match="apple_apac") as refusal:
        convert(engine, source, "mp3", **options)
    assert refusal.value.code == "unsupported_codec"


@pytest.mark.parametrize("kind", ["mka", "mp4"])
def test_a_file_of_many_tracks_is_whole(kind: str, engine: FfmpegEngine, tmp_path: Path) -> None:
    """With 64 streams at most, FFmpeg read 1,024 samples of one such file, and not the other.

    The tracks that a request can choose are listed.
    """
    path = many_tracks(tmp_path / f"x.{kind}", 70)
    made = convert(engine, path, "flac")
    assert made.result.duration == pytest.approx(1, abs=0.001)
    source = made.ticks[-1].source
    assert source is not None
    assert [track.index for track in source.tracks] == [*range(MAX_TRACK_INDEX + 1)]


@pytest.mark.parametrize("kind", ["mka", "mp4"])
def test_too_many_tracks_are_refused_in_these_words(
    kind: str, engine: FfmpegEngine, tmp_path: Path
) -> None:
    with pytest.raises(MediaError, match="more than 256 tracks"):
        convert(engine, many_tracks(tmp_path / f"x.{kind}", 257), "flac")


def many_tracks(path: Path, count: int) -> Path:
    """Make a file with as many audio tracks of 1 s."""
    codec = "aac" if path.suffix == ".mp4" else "pcm_s16le"
    maps = ["-map", "0"] * count
    ffmpeg("-f", "lavfi", "-i", "sine=d=1:r=8000", *maps, "-c:a", codec, path)
    return path
