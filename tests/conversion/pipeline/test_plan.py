"""Choose encoder settings where the request leaves them open."""

import pytest

from libs.core.domain.formats import FORMATS, ConversionOptions
from services.conversion.ffmpeg.audio_stream import AudioStream, parse_audio
from services.conversion.ffmpeg.encode_plan import EncodePlan
from services.conversion.ffmpeg.profiles import ENCODER_PROFILES
from services.conversion.pipeline.plan import make_plan
from services.conversion.pipeline.time_range import TimeRange, select_range
from services.conversion.pipeline.timeline import SourceTraits, Timeline, source_filters

CD = parse_audio(0, "flac, 44100 Hz, stereo, s16")
STUDIO = parse_audio(0, "pcm_s24le, 96000 Hz, stereo, s32 (24 bit)")
FLOAT = parse_audio(0, "pcm_f32le, 48000 Hz, stereo, flt")
FILM = parse_audio(0, "ac3, 48000 Hz, 5.1(side), fltp, 448 kb/s")


def plan(fmt: str, stream: AudioStream, **options: float | str) -> EncodePlan:
    requested = ConversionOptions(**options)  # type: ignore[arg-type]
    return make_plan(FORMATS[fmt], ENCODER_PROFILES[fmt], requested, stream)


def details(plan: EncodePlan) -> list[str]:
    return [warning.detail for warning in plan.warnings]


def test_every_format_has_an_encoder_profile() -> None:
    assert ENCODER_PROFILES.keys() == FORMATS.keys()


@pytest.mark.parametrize("fmt", ["wav", "flac", "aiff", "alac"])
def test_lossless_formats_keep_the_depth(fmt: str) -> None:
    assert (plan(fmt, CD).bits, plan(fmt, STUDIO).bits) == (16, 24)
    assert not plan(fmt, STUDIO).warnings


def test_floating_point_is_kept_if_the_format_has_it() -> None:
    assert plan("wav", FLOAT).encoder == "pcm_f32le"
    reduced = plan("flac", FLOAT)
    assert reduced.bits == 24
    assert details(reduced) == ["The samples were reduced from 32-bit floating point to 24-bit."]


def test_reduced_depth_is_dithered_and_warned_about() -> None:
    reduced = plan("wav", STUDIO, bit_depth=16)
    assert any("dither" in f for f in reduced.last_filters)
    assert details(reduced) == ["The samples were reduced from 24-bit integer to 16-bit."]


def test_dither_comes_last() -> None:
    """Check the order: earlier dither would be amplified, and loud floats would be clipped."""
    assert "dither" in plan("wav", FLOAT, bit_depth=16).last_filters[-1]


@pytest.mark.parametrize(
    ("fmt", "stream", "options"),
    [
        ("wav", FLOAT, {"bit_depth": 16}),
        ("flac", FLOAT, {}),
        ("wav", FILM, {}),
        ("wav", CD, {"sample_rate": 48000}),
        ("mp3", FLOAT, {}),
        ("mp3", FILM, {}),
    ],
)
def test_the_peak_is_measured_if_samples_may_clip(
    fmt: str, stream: AudioStream, options: dict[str, float]
) -> None:
    assert any("astats" in f for f in plan(fmt, stream, **options).last_filters)


@pytest.mark.parametrize(
    ("fmt", "stream", "options"),
    [
        ("wav", FLOAT, {}),
        ("wav", CD, {}),
        ("mp3", CD, {}),
        ("ac3", FILM, {}),
        ("mp3", CD, {"channels": 1}),
    ],
)
def test_the_peak_is_not_measured_if_samples_cannot_clip(
    fmt: str, stream: AudioStream, options: dict[str, float]
) -> None:
    assert not plan(fmt, stream, **options).may_clip
    assert not any("astats" in f for f in plan(fmt, stream, **options).last_filters)


def test_the_size_of_pcm_is_known_in_advance() -> None:
    assert plan("wav", STUDIO).bytes_per_second == 96000 * 2 * 3
    assert plan("wav", FLOAT).bytes_per_second == 48000 * 2 * 4
    assert plan("flac", STUDIO).bytes_per_second is None


def test_timestamps_are_renumbered_unless_the_format_changes() -> None:
    timeline = Timeline(has_timestamps=False)
    assert source_filters(ConversionOptions(start=1, end=2), CD, timeline, SourceTraits()) == [
        "asetpts=round(N/SR/TB)",
        "atrim=start=1.000000:end=2.000000",
        "asetpts=round(N/SR/TB)",
    ]
    traits = SourceTraits(format_changes=True)
    changing = source_filters(ConversionOptions(start=1), CD, timeline, traits)
    assert changing[1] == "asetpts=PTS-1.000000/TB"
    assert "44100:ochl=stereo" in changing[2]


def test_lossy_sources_of_lossless_formats_cause_a_warning() -> None:
    lossy = plan("flac", FILM)
    assert lossy.bits == 16
    assert details(lossy) == [
        "The source is lossy, so the result is larger but doesn't sound better."
    ]


def test_channels_are_mixed_down_only_where_they_must_be() -> None:
    assert plan("flac", FILM).channels == 6
    mixed = plan("mp3", FILM)
    assert mixed.channels == 2
    assert "6 channels (5.1(side)) were mixed to 2 (stereo)." in details(mixed)


def test_rates_are_raised_to_the_next_that_the_format_has() -> None:
    assert plan("opus", CD).sample_rate == 48000
    assert plan("mp3", STUDIO).sample_rate == 48000
    assert (
        plan("aac", AudioStream(0, "pcm_s16le", 20000, 1, 0, "s16", 16, "mono")).sample_rate
        == 22050
    )


def test_a_requested_rate_causes_no_warning() -> None:
    assert not plan("mp3", CD, sample_rate=22050).warnings


@pytest.mark.parametrize(
    ("fmt", "options", "expected"),
    [
        ("mp3", {}, ["-b:a", "192000"]),
        ("mp3", {"quality": 0}, ["-q:a", "0"]),
        ("mp3", {"bitrate": "320k"}, ["-b:a", "320000"]),
        ("ogg", {}, ["-q:a", "5"]),
        ("ogg", {"bitrate": "320k", "channels": 1}, ["-b:a", "240000"]),
        ("opus", {"bitrate": "320k", "channels": 1}, ["-b:a", "256000"]),
        ("alac", {}, ["-ar", "44100"]),
    ],
)
def test_bitrate_and_quality(
    fmt: str, options: dict[str, float | str], expected: list[str]
) -> None:
    assert list(plan(fmt, CD, **options).encoder_options[:2]) == expected


def test_a_range_ends_with_the_source() -> None:
    assert select_range(ConversionOptions(start=1, end=100), 10, 10) == TimeRange(1, 10, 9)
    assert select_range(ConversionOptions(), None, None) == TimeRange(0, None, None)
    assert select_range(ConversionOptions(end=5), None, 60) == TimeRange(0, 5, 5)
    assert select_range(ConversionOptions(start=1), None, 60) == TimeRange(1, None, 59)
