"""Decode results with fades, ranges and normalised loudness, and measure them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.ports import MediaError
from tests.conversion.audio_files import AudioFiles
from tests.conversion.media_support import convert, ffmpeg, loudness, samples

Keep = Callable[[str, bytes], Path]
RATE = 44100
STEADY = f"aevalsrc=0.5*sin(1000*2*PI*t):s={RATE}:d=8"


@pytest.fixture(scope="session")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Provide eight seconds of a tone at half of full scale."""
    path = tmp_path_factory.mktemp("steady") / "steady.wav"
    ffmpeg("-f", "lavfi", "-i", STEADY, path)
    return path


def envelope(path: Path) -> list[float]:
    """Return the loudest sample of each tenth of a second."""
    sound, step = samples(path), RATE // 10
    return [max(map(abs, sound[at : at + step])) for at in range(0, len(sound) - step // 2, step)]


def straight(seconds: float, top: float) -> list[float]:
    """Return the envelope of a linear rise from 0 to `top`."""
    steps = round(seconds * 10)
    return [top * (n + 1) / steps for n in range(steps)]


@pytest.mark.parametrize("fmt", ["wav", "flac", "mp3", "m4a", "ogg"])
def test_fades_are_linear(fmt: str, engine: FfmpegEngine, steady: Path, keep: Keep) -> None:
    heard = envelope(
        keep(f"x.{fmt}", convert(engine, steady, fmt, fade_in=1.0, fade_out=2.0).content)
    )
    assert len(heard) == 80
    assert heard[:10] == pytest.approx(straight(1, 0.5), abs=0.03)
    assert heard[10:60] == pytest.approx([0.5] * 50, abs=0.03)
    assert heard[:-21:-1] == pytest.approx(straight(2, 0.5), abs=0.03)


def test_fades_begin_and_end_with_silence(engine: FfmpegEngine, steady: Path, keep: Keep) -> None:
    sound = samples(
        keep("x.flac", convert(engine, steady, "flac", fade_in=1.0, fade_out=1.0).content)
    )
    assert len(sound) == 8 * RATE
    assert max(map(abs, [*sound[:40], *sound[-40:]])) < 0.001


def test_fades_are_those_of_the_range(engine: FfmpegEngine, steady: Path, keep: Keep) -> None:
    heard = envelope(
        keep(
            "x.flac",
            convert(engine, steady, "flac", start=2.5, end=6.5, fade_in=1.0, fade_out=1.0).content,
        )
    )
    assert heard == pytest.approx(
        [*straight(1, 0.5), *[0.5] * 20, *reversed(straight(1, 0.5))], abs=0.03
    )


def test_a_fade_out_ends_with_a_truncated_file(
    engine: FfmpegEngine, steady: Path, keep: Keep
) -> None:
    """Use a file whose header states eight seconds."""
    made = convert(engine, steady.read_bytes()[: RATE * 2 * 5], "flac", fade_out=1.0)
    heard = envelope(keep("x.flac", made.content))
    assert len(heard) == 50
    assert heard[-10:] == pytest.approx(straight(1, 0.5)[::-1], abs=0.03)
    assert any("are missing" in warning for warning in made.result.warnings)


def test_a_fade_out_works_without_a_known_duration(
    engine: FfmpegEngine, steady: Path, tmp_path: Path, keep: Keep
) -> None:
    ffmpeg("-i", steady, "-q:a", "3", "-write_xing", "0", tmp_path / "guessed.mp3")
    heard = envelope(
        keep("x.flac", convert(engine, tmp_path / "guessed.mp3", "flac", fade_out=1.0).content)
    )
    assert heard[-20:-10] == pytest.approx([0.5] * 10, abs=0.05)
    assert heard[-10:] == pytest.approx(straight(1, 0.5)[::-1], abs=0.05)


def test_fades_longer_than_the_range_are_shortened(
    engine: FfmpegEngine, steady: Path, keep: Keep
) -> None:
    made = convert(engine, steady, "flac", start=6.0, fade_in=3.0, fade_out=3.0)
    assert (
        "The fades were shortened to fit, because the result has 2.0 seconds."
        in made.result.warnings
    )
    assert envelope(keep("x.flac", made.content)) == pytest.approx(
        [*straight(1, 0.5), *reversed(straight(1, 0.5))], abs=0.03
    )


@pytest.mark.parametrize("target", [-30.0, -14.0])
@pytest.mark.parametrize(
    ("fmt", "options"),
    [
        ("flac", {}),
        ("mp3", {"channels": 1}),
        ("m4a", {"channels": 2}),
        ("wav", {"bit_depth": 16}),
        ("opus", {"start": 1.0, "end": 7.0}),
        ("flac", {"fade_in": 2.0, "fade_out": 2.0}),
    ],
)
def test_the_loudness_is_the_requested_one(
    target: float,
    fmt: str,
    options: dict[str, float],
    engine: FfmpegEngine,
    sounds: AudioFiles,
    keep: Keep,
) -> None:
    """Measure the range with its fades and mixed channels, from a source above full scale."""
    source = sounds.tone(
        "loud51.wav",
        "-af",
        "volume=12dB,pan=5.1|c0=c0|c1=c1|c2=0.7*c0|c4=0.5*c1|c5=0.5*c0",
        "-c:a",
        "pcm_f32le",
        seconds=8,
    )
    made = convert(engine, source, fmt, normalize=target, **options)  # type: ignore[arg-type]
    assert loudness(keep(f"x.{fmt}", made.content)) == pytest.approx(target, abs=0.6)
    assert not [w for w in made.result.warnings if "loudness" in w or "loudest" in w]


def test_fades_and_loudness_combine(engine: FfmpegEngine, steady: Path, keep: Keep) -> None:
    made = convert(
        engine, steady, "flac", normalize=-20.0, start=1.0, end=7.0, fade_in=1.0, fade_out=1.0
    )
    heard = envelope(keep("x.flac", made.content))
    top = max(heard)
    assert heard == pytest.approx(
        [*straight(1, top), *[top] * 40, *reversed(straight(1, top))], abs=0.02
    )


def test_a_start_after_the_end_is_refused_with_fades_too(
    engine: FfmpegEngine, steady: Path
) -> None:
    with pytest.raises(MediaError) as refusal:
        convert(engine, steady, "flac", start=9.0, fade_in=1.0, fade_out=1.0)
    assert refusal.value.code == "corrupt"
    assert "after the end" in refusal.value.detail


def test_percent_and_time_left_count_all_passes(engine: FfmpegEngine, sounds: AudioFiles) -> None:
    """Check the time left while the loudness is measured and encoding is still to come."""
    made = convert(
        engine, sounds.tone("minutes.wav", seconds=240), "flac", normalize=-20.0, fade_out=1.0
    )
    known = [
        tick for tick in made.ticks if tick.phase == "converting" and tick.eta_seconds is not None
    ]
    percents = [tick.percent for tick in made.ticks]
    assert percents == sorted(percents)
    for early in (tick for tick in known if tick.percent < 45):
        assert early.eta_seconds
        assert early.eta_seconds > 0.2
    assert any(5 < tick.percent < 45 for tick in known)
