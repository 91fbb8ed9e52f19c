"""Check each warning and refusal, and that nothing else is warned about."""

from collections.abc import Callable
from pathlib import Path

import pytest

from services.conversion.pipeline.engine import FfmpegEngine, Limits
from services.conversion.ports import MediaError
from tests.conversion.audio_files import AudioFiles
from tests.conversion.media_support import convert, ffmpeg, listen, samples
from tests.conversion.sandbox.hostile_files import wav

Keep = Callable[[str, bytes], Path]
LOUD = ("-af", "volume=20dB", "-c:a", "pcm_f32le")


def clipped(warnings: tuple[str, ...]) -> list[str]:
    return [w for w in warnings if "loudest places" in w]


@pytest.mark.parametrize(
    ("fmt", "options"),
    [
        ("wav", {"bit_depth": 16}),
        ("wav", {"bit_depth": 24}),
        ("flac", {}),
        ("alac", {}),
        ("aiff", {"bit_depth": 16}),
    ],
)
def test_samples_clipped_by_integers_cause_a_warning(
    fmt: str, options: dict[str, int], engine: FfmpegEngine, sounds: AudioFiles, keep: Keep
) -> None:
    made = convert(engine, sounds.tone("loud.wav", *LOUD), fmt, **options)  # type: ignore[arg-type]
    assert max(samples(keep(f"x.{fmt}", made.content))) == pytest.approx(1, abs=0.001)
    assert clipped(made.result.warnings) == [
        "The loudest places were clipped: they were 12.0 dB above full scale."
        " Normalise the loudness to avoid this."
    ]


@pytest.mark.parametrize("fmt", ["wav", "aiff"])
def test_floating_point_output_does_not_clip(
    fmt: str, engine: FfmpegEngine, sounds: AudioFiles, keep: Keep
) -> None:
    made = convert(engine, sounds.tone("loud.wav", *LOUD), fmt)
    assert max(samples(keep(f"x.{fmt}", made.content))) == pytest.approx(4, abs=0.1)
    assert made.result.warnings == ()


def test_lossy_output_above_full_scale_causes_a_warning(
    engine: FfmpegEngine, sounds: AudioFiles
) -> None:
    made = convert(engine, sounds.tone("loud.wav", *LOUD), "mp3")
    assert clipped(made.result.warnings) == [
        "The loudest places are 12.0 dB above full scale, and most players clip them."
        " Normalise the loudness to avoid this."
    ]


def test_an_mp3_that_overshoots_clips_in_a_wav(engine: FfmpegEngine, sounds: AudioFiles) -> None:
    """Use a loud MP3; nearly every one overshoots."""
    source = sounds.tone("square.mp3", "-af", "volume=40dB,aformat=s16,volume=0.99", "-b:a", "64k")
    assert clipped(convert(engine, source, "wav").result.warnings)
    assert not clipped(convert(engine, source, "m4a").result.warnings)


@pytest.mark.parametrize("fmt", ["wav", "flac", "mp3"])
def test_a_quiet_sound_causes_no_clipping_warning(
    fmt: str, engine: FfmpegEngine, sounds: AudioFiles
) -> None:
    for source in (
        sounds.tone("song.wav"),
        sounds.tone("song.mp3"),
        sounds.tone("float.wav", "-c:a", "pcm_f32le"),
    ):
        assert not clipped(convert(engine, source, fmt).result.warnings)


def test_normalising_avoids_clipping(engine: FfmpegEngine, sounds: AudioFiles) -> None:
    assert not clipped(
        convert(engine, sounds.tone("loud.wav", *LOUD), "flac", normalize=-16.0).result.warnings
    )


def test_several_tracks_cause_a_warning(engine: FfmpegEngine, tmp_path: Path) -> None:
    two = (
        "-f",
        "lavfi",
        "-i",
        "sine=d=2",
        "-f",
        "lavfi",
        "-i",
        "sine=880:d=6",
        "-map",
        "0",
        "-map",
        "1",
        "-c:a",
        "flac",
    )
    ffmpeg(*two, tmp_path / "two.mka")
    made = convert(engine, tmp_path / "two.mka", "flac")
    assert made.result.duration == pytest.approx(2, abs=0.05)
    assert "This file has 2 audio tracks. The first one was converted." in made.result.warnings
    assert "The sound is 4.0 seconds shorter than the rest of the file." in made.result.warnings


@pytest.mark.parametrize("name", ["short.mp4", "short.mkv", "short.webm", "short.mov", "short.avi"])
def test_a_video_whose_sound_ends_early_is_not_damaged(
    name: str, engine: FfmpegEngine, tmp_path: Path
) -> None:
    codecs = (
        ("-c:v", "libvpx", "-c:a", "libopus")
        if name.endswith("webm")
        else ("-c:v", "mpeg4", "-c:a", "mp3")
    )
    ffmpeg(
        "-f",
        "lavfi",
        "-i",
        "testsrc=s=64x48:d=6:r=25",
        "-f",
        "lavfi",
        "-i",
        "sine=d=2",
        *codecs,
        tmp_path / name,
    )
    made = convert(engine, tmp_path / name, "mp3")
    assert made.result.duration == pytest.approx(2, abs=0.1)
    assert any("shorter than the rest of the file" in w for w in made.result.warnings)


def test_a_source_whose_rate_changes_is_complete(
    engine: FfmpegEngine, sounds: AudioFiles, keep: Keep
) -> None:
    """Use joined MP3 files."""
    joined = b"".join(
        sounds.tone(f"rate{rate}.mp3", "-write_xing", "0", seconds=3, rate=rate).read_bytes()
        for rate in (44100, 48000)
    )
    for fmt, options in (("wav", {}), ("m4a", {}), ("mp3", {"start": 1.0, "fade_out": 1.0})):
        made = convert(engine, joined, fmt, **options)  # type: ignore[arg-type]
        assert listen(keep(f"x.{fmt}", made.content)).seconds == pytest.approx(
            6.05 - options.get("start", 0), abs=0.1
        )
    lossless = [
        listen(keep(f"whole.{fmt}", convert(engine, joined, fmt).content)).seconds
        for fmt in ("wav", "flac")
    ]
    assert lossless[0] == lossless[1]
    told = convert(engine, joined, "flac", normalize=-20.0).result.warnings
    assert "The loudness was left as it is, because this file changes its sample format." in told


def test_an_unsupported_codec_is_named(engine: FfmpegEngine, sounds: AudioFiles) -> None:
    with pytest.raises(MediaError, match=r"kind of audio \(adpcm_g726\)\.") as refusal:
        convert(
            engine, sounds.tone("telephone.wav", "-c:a", "g726", "-ar", "8000", "-ac", "1"), "mp3"
        )
    assert refusal.value.code == "unsupported_codec"


def test_an_unknown_codec_is_not_named(engine: FfmpegEngine) -> None:
    with pytest.raises(MediaError, match=r"this kind of audio\.") as refusal:
        convert(engine, wav(fmt=0x7777), "mp3")
    assert refusal.value.code == "unsupported_codec"


def test_too_large_an_output_is_refused_before_encoding(sounds: AudioFiles) -> None:
    engine = FfmpegEngine(limits=Limits(max_output=100_000))
    with pytest.raises(MediaError) as refusal:
        convert(engine, sounds.tone("song.wav"), "wav")
    assert (refusal.value.code, refusal.value.operator_detail) == ("too_large", "")
    assert "larger than TinyPixo can store" in refusal.value.detail
