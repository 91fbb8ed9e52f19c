"""Test the bytes of outputs: repeatable, gapless, the index of an MP4 in front."""

from pathlib import Path
from typing import Any

import pytest

from libs.core.domain.formats import FORMATS, ConversionOptions
from services.conversion.pipeline import encode
from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.ports import ConversionJob
from tests.conversion.audio_files import AudioFiles
from tests.conversion.media_support import (
    FFMPEG,
    convert,
    listen,
)


@pytest.mark.parametrize("fmt", FORMATS)
def test_converting_twice_gives_the_same_bytes(
    fmt: str, engine: FfmpegEngine, sounds: AudioFiles
) -> None:
    source = sounds.tagged("m.mp3", "-id3v2_version", "3", cover=True)
    first, second = (convert(engine, source, fmt, normalize=-20.0).content for _ in range(2))
    assert first == second


def test_gapless_audio_stays_gapless(
    engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    """MP3 and AAC add silence at both ends and store how much; none of it remains."""
    for fmt in ("mp3", "m4a", "opus", "ogg"):
        (tmp_path / f"a.{fmt}").write_bytes(convert(engine, sounds.tone("song.wav"), fmt).content)
        (tmp_path / "b.flac").write_bytes(convert(engine, tmp_path / f"a.{fmt}", "flac").content)
        heard = listen(tmp_path / "b.flac")
        assert heard.seconds * heard.sample_rate == pytest.approx(2 * heard.sample_rate, abs=1)


def test_an_mp4_index_is_small_in_front_and_fits_at_once(
    engine: FfmpegEngine, sounds: AudioFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []
    run = encode._run

    def count(*arguments: Any) -> Any:
        opened.append(1)
        return run(*arguments)

    monkeypatch.setattr(encode, "_run", count)
    content = convert(engine, sounds.tone("longer.flac", seconds=60), "m4a").content
    assert 0 < (index := content.index(b"moov")) < content.index(b"mdat")
    assert int.from_bytes(content[index - 4 : index], "big") < 60 * 44100 / 1024 * 4.1 + 1500
    assert len(opened) == 1


def test_an_mp4_index_that_did_not_fit_gets_more_space(
    engine: FfmpegEngine, sounds: AudioFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encode, "_INDEX_BYTES_PER_FRAME", 0.1)
    monkeypatch.setattr(encode, "_INDEX_SLACK", 1000)
    again = convert(engine, sounds.tone("longer.wav", seconds=60), "m4a").content
    assert 0 < again.index(b"moov") < again.index(b"mdat")


def test_the_fingerprint_depends_on_all_that_the_bytes_depend_on(engine: FfmpegEngine) -> None:
    jobs = [
        ConversionJob("mp3", ConversionOptions(), "a"),
        ConversionJob("mp3", ConversionOptions(bitrate="96k"), "a"),
        ConversionJob("m4a", ConversionOptions(), "a"),
    ]
    assert len({engine.encoder_fingerprint(job) for job in jobs}) == 3
    assert engine.encoder_fingerprint(jobs[0]) == FfmpegEngine(FFMPEG).encoder_fingerprint(
        ConversionJob("mp3", ConversionOptions(), "another")
    )


def test_a_missing_ffmpeg_is_reported_at_once() -> None:
    with pytest.raises(RuntimeError, match="does not run"):
        _ = FfmpegEngine("/nowhere/ffmpeg").version


def test_an_ffmpeg_that_needs_more_than_the_sandbox_allows_is_reported(
    tmp_path: Path, refused: list[str]
) -> None:
    """A shell script is an example: the shell needs to know who its user is."""
    program = tmp_path / "ffmpeg"
    program.write_text('#!/bin/sh\necho "ffmpeg version 9"; echo "  fd"\n')
    program.chmod(0o755)
    with pytest.raises(RuntimeError, match="does not run in the sandbox, which refused"):
        _ = FfmpegEngine(str(program)).version
    assert "getuid" in refused
    refused.clear()
