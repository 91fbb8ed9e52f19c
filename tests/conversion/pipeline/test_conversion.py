"""Convert whole files: sound, tags, covers, refusals and progress."""

from collections.abc import Callable
from pathlib import Path

import pytest

from libs.core.domain.formats import FORMATS
from libs.core.domain.uploads import MIB
from libs.core.errors import StorageUnavailable
from services.conversion.pipeline.engine import FfmpegEngine, Limits
from services.conversion.ports import EngineProgress, MediaError
from services.conversion.sandbox import process as sandbox
from services.conversion.storage.source_cache import SourceReader
from tests.conversion.audio_files import AudioFiles
from tests.conversion.media_support import MemorySource, convert, listen, pictures

Keep = Callable[[str, bytes], Path]

CODECS = {
    "mp3": "mp3",
    "wav": "pcm_s16le",
    "flac": "flac",
    "aac": "aac",
    "m4a": "aac",
    "ogg": "vorbis",
    "opus": "opus",
}


@pytest.mark.parametrize("fmt", CODECS)
def test_a_song_converts_to_every_common_format(
    fmt: str, engine: FfmpegEngine, sounds: AudioFiles, keep: Keep
) -> None:
    made = convert(engine, sounds.tone("song.wav"), fmt)
    heard = listen(keep(f"song.{FORMATS[fmt].extension}", made.content))
    assert heard.codec == CODECS[fmt]
    assert heard.seconds == pytest.approx(2, abs=0.05)
    assert heard.channels == "stereo"
    assert heard.sample_rate == (48000 if fmt == "opus" else 44100)
    assert made.result.duration == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("fmt", ["mp3", "flac", "m4a", "ogg", "opus"])
def test_tags_and_cover_are_kept(
    fmt: str, engine: FfmpegEngine, sounds: AudioFiles, keep: Keep
) -> None:
    made = convert(
        engine, sounds.tagged("tagged.mp3", "-b:a", "128k", "-id3v2_version", "3", cover=True), fmt
    )
    words = listen(keep(f"tagged.{fmt}", made.content)).words
    assert "Ein Lied; mit = Zeichen #1" in words
    assert "Jörg Ärger" in words
    assert sounds.cover.read_bytes() in pictures(keep(f"tagged.{fmt}", made.content))
    assert not [w for w in made.result.warnings if "cover" in w]


def test_a_format_without_covers_causes_a_warning(engine: FfmpegEngine, sounds: AudioFiles) -> None:
    made = convert(
        engine,
        sounds.tagged("tagged.mp3", "-b:a", "128k", "-id3v2_version", "3", cover=True),
        "ac3",
    )
    assert "The cover picture was left out: this format can't hold one." in made.result.warnings


def test_depth_and_rate_of_the_source_are_kept(
    engine: FfmpegEngine, sounds: AudioFiles, keep: Keep
) -> None:
    source = sounds.tone("studio.wav", "-c:a", "pcm_s24le", rate=96000)
    for fmt in ("wav", "flac"):
        words = listen(keep(f"x.{fmt}", convert(engine, source, fmt).content)).words
        assert "96000 Hz, stereo, s32 (24 bit)" in words


def test_the_sound_of_a_video_is_converted(
    engine: FfmpegEngine, sounds: AudioFiles, keep: Keep
) -> None:
    film = sounds.video("film.mp4", "-c:v", "mpeg4", "-c:a", "aac")  # its index lies at the end
    made = convert(engine, film, "mp3")
    assert listen(keep("x.mp3", made.content)).seconds == pytest.approx(2, abs=0.05)
    assert b"mpeg4" not in made.content


def test_mono_at_a_low_rate_is_kept(engine: FfmpegEngine, sounds: AudioFiles, keep: Keep) -> None:
    source = sounds.tone("voice.wav", "-ac", "1", rate=22050)
    for fmt in ("mp3", "m4a", "ogg"):
        heard = listen(keep(f"x.{fmt}", convert(engine, source, fmt, bitrate="320k").content))
        assert (heard.sample_rate, heard.channels) == (22050, "mono")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(b"Dear diary, today I wrote no music.\n" * 50, "not_audio", id="text"),
        pytest.param(bytes(range(256)) * 400, "not_audio", id="noise"),
        pytest.param(b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "not_audio", id="playlist"),
        pytest.param(b"RIFF\x24\0\0\0WAVEfmt ", "corrupt", id="half a header"),
    ],
)
def test_files_that_are_not_audio_are_refused(
    content: bytes, code: str, engine: FfmpegEngine
) -> None:
    with pytest.raises(MediaError) as refusal:
        convert(engine, content, "mp3")
    assert refusal.value.code == code
    assert refusal.value.detail.endswith(".")
    assert "fd:" not in refusal.value.detail


def test_a_video_without_sound_is_refused(engine: FfmpegEngine, sounds: AudioFiles) -> None:
    with pytest.raises(MediaError) as refusal:
        convert(engine, sounds.video("silent.mp4", "-an", "-c:v", "mpeg4"), "mp3")
    assert refusal.value.code == "no_audio_stream"


def test_half_a_file_is_never_silently_short(engine: FfmpegEngine, sounds: AudioFiles) -> None:
    whole = sounds.tone("long.flac", seconds=10).read_bytes()
    made = convert(engine, whole[: len(whole) * 3 // 4], "mp3")
    assert any("seconds are missing" in w for w in made.result.warnings)
    with pytest.raises(MediaError) as refusal:
        convert(engine, whole[: len(whole) // 4], "mp3")
    assert refusal.value.code == "corrupt"


def test_a_source_beyond_the_limit_is_refused(sounds: AudioFiles) -> None:
    with pytest.raises(MediaError) as refusal:
        convert(
            FfmpegEngine(limits=Limits(max_duration=5)), sounds.tone("long.flac", seconds=10), "mp3"
        )
    assert refusal.value.code == "too_long"


def test_a_range_near_the_end_has_the_time_to_decode_what_is_before_it(sounds: AudioFiles) -> None:
    """Starting FFmpeg alone takes longer than what one second of sound may take here."""
    engine = FfmpegEngine(limits=Limits(wall_floor=0.0, wall_per_second=0.02))
    source = sounds.tone("long.flac", seconds=1200, rate=8000)

    made = convert(engine, source, "flac", start=1199.0, end=1200.0, normalize=-20.0)

    assert made.result.duration == pytest.approx(1.0)


def test_a_source_that_would_fill_the_memory_is_refused_in_a_weak_sandbox(
    sounds: AudioFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without seccomp notifications the source is in memory as a whole."""
    source = sounds.tone("long.flac", seconds=10)
    engine = FfmpegEngine(limits=Limits(max_whole_source=source.stat().st_size - 1))
    assert convert(engine, source, "mp3").content

    monkeypatch.setattr(sandbox, "best_sandbox_level", lambda: sandbox.SandboxLevel.FILTERED)
    with pytest.raises(MediaError) as refusal:
        convert(engine, source, "mp3")

    assert (refusal.value.code, refusal.value.failure.reason) == ("too_large", "too_much_memory")


def test_progress_is_frequent_and_never_decreases(engine: FfmpegEngine, sounds: AudioFiles) -> None:
    ticks = convert(engine, sounds.tone("longer.wav", seconds=60), "m4a").ticks
    percents = [tick.percent for tick in ticks]
    assert percents == sorted(percents)
    assert percents[0] == 0
    assert [*dict.fromkeys(tick.phase for tick in ticks)] == ["probing", "converting", "storing"]
    assert any(tick.speed and tick.eta_seconds is not None for tick in ticks)
    assert ticks[-1].source is not None
    assert ticks[-1].source.codec == "pcm_s16le"


def test_a_callback_that_raises_ends_the_conversion(
    engine: FfmpegEngine, sounds: AudioFiles
) -> None:
    class Cancelled(Exception):
        pass

    def cancel(tick: EngineProgress) -> None:
        if tick.percent > 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        convert(engine, sounds.tone("longer.wav", seconds=60), "m4a", tick=cancel)


def test_a_source_that_cannot_be_read_raises_storage_unavailable(
    engine: FfmpegEngine, sounds: AudioFiles
) -> None:
    source = MemorySource(sounds.tone("song.wav"), breaks=StorageUnavailable("S3 is away"))
    with pytest.raises(StorageUnavailable):
        convert(engine, source, "mp3")


def test_pcm_is_read_in_few_large_reads(
    engine: FfmpegEngine, sounds: AudioFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Check the read size: each read asks the supervisor, and small packets slow the encoder."""
    source = sounds.tone("half-a-minute.wav", seconds=30)
    asked: list[tuple[int, int]] = []
    require = SourceReader.require

    def noted(window: SourceReader, position: int, count: int) -> bool:
        asked.append((position, count))
        return require(window, position, count)

    monkeypatch.setattr(SourceReader, "require", noted)
    convert(engine, source, "flac")
    # Before that FFmpeg looks what the file is; after it, at what follows the samples.
    inside = [count for position, count in asked if MIB <= position < source.stat().st_size - MIB]
    assert set(inside) == {256 * 1024}
