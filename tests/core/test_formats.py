"""Check requested formats and options."""

from dataclasses import replace
from typing import Any

import pytest

from libs.core.domain.formats import (
    FORMATS,
    ConversionOptions,
    ConversionRequest,
    Format,
    find_format,
)
from libs.core.domain.options import check_options, check_request
from libs.core.errors import FormatUnsupported, OptionInvalid

NAMES = {"mp3", "wav", "flac", "aac", "m4a", "ogg", "opus", "aiff", "alac", "wma", "ac3"}

every_format = pytest.mark.parametrize("fmt", FORMATS.values(), ids=FORMATS)


def test_all_formats_of_the_api_exist() -> None:
    assert set(FORMATS) == NAMES


@pytest.mark.parametrize("name", ["", "exe", "MP3", "mp3 ", "x" * 10_000])
def test_an_unknown_format_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(FormatUnsupported, match="mp3, wav") as refused:
        find_format(name)

    assert len(refused.value.detail) < 300


@every_format
def test_a_format_is_found_by_its_name(fmt: Format) -> None:
    assert find_format(fmt.name) is fmt


@every_format
def test_every_listed_option_is_allowed(fmt: Format) -> None:
    offers: dict[str, tuple[Any, ...]] = {
        "bitrate": fmt.bitrates,
        "sample_rate": fmt.sample_rates,
        "channels": fmt.channels,
        "bit_depth": fmt.bit_depths,
        "quality": (fmt.quality.min, fmt.quality.suggested, fmt.quality.max) if fmt.quality else (),
    }
    for option, values in offers.items():
        for value in values:
            check_options(fmt, replace(ConversionOptions(), **{option: value}))


@every_format
def test_no_options_are_allowed(fmt: Format) -> None:
    check_options(fmt, ConversionOptions())


@every_format
def test_a_quality_scale_has_its_suggestion_within_and_its_best_at_an_end(fmt: Format) -> None:
    if fmt.quality:
        assert fmt.quality.min <= fmt.quality.suggested <= fmt.quality.max
        assert fmt.quality.best in (fmt.quality.min, fmt.quality.max)


@every_format
def test_a_lossless_format_has_no_bitrate_and_a_lossy_one_no_bit_depth(fmt: Format) -> None:
    assert not (fmt.bitrates if fmt.lossless else fmt.bit_depths)


@pytest.mark.parametrize(
    ("name", "options", "option"),
    [
        ("mp3", ConversionOptions(bitrate="193k"), "bitrate"),
        ("flac", ConversionOptions(bitrate="192k"), "bitrate"),
        ("mp3", ConversionOptions(quality=10), "quality"),
        ("wav", ConversionOptions(quality=1), "quality"),
        ("mp3", ConversionOptions(quality=2, bitrate="192k"), "quality"),
        ("mp3", ConversionOptions(sample_rate=96_000), "sample_rate"),
        ("mp3", ConversionOptions(channels=6), "channels"),
        ("mp3", ConversionOptions(channels=0), "channels"),
        ("mp3", ConversionOptions(bit_depth=16), "bit_depth"),
        ("flac", ConversionOptions(bit_depth=32), "bit_depth"),
        ("mp3", ConversionOptions(start=-1.0), "start"),
        ("mp3", ConversionOptions(end=0.0), "end"),
        ("mp3", ConversionOptions(start=5.0, end=5.0), "end"),
        ("mp3", ConversionOptions(end=1e-6), "end"),
        ("mp3", ConversionOptions(start=5.0, end=5.009), "end"),
        ("mp3", ConversionOptions(start=1e15), "start"),
        ("mp3", ConversionOptions(start=1e126), "start"),
        ("mp3", ConversionOptions(end=1e15), "end"),
        ("mp3", ConversionOptions(end=1e300), "end"),
        ("mp3", ConversionOptions(end=1_000_000.1), "end"),
        ("mp3", ConversionOptions(normalize=-71.0), "normalize"),
        ("mp3", ConversionOptions(normalize=0.0), "normalize"),
        ("mp3", ConversionOptions(start=float("nan")), "start"),
        ("mp3", ConversionOptions(end=float("nan")), "end"),
        ("mp3", ConversionOptions(start=float("inf")), "start"),
        ("mp3", ConversionOptions(end=float("inf")), "end"),
        ("mp3", ConversionOptions(normalize=float("nan")), "normalize"),
        ("mp3", ConversionOptions(fade_in=0.0), "fade_in"),
        ("mp3", ConversionOptions(fade_in=-1.0), "fade_in"),
        ("mp3", ConversionOptions(fade_in=float("nan")), "fade_in"),
        ("mp3", ConversionOptions(fade_out=float("inf")), "fade_out"),
        ("mp3", ConversionOptions(fade_out=601.0), "fade_out"),
        ("mp3", ConversionOptions(end=4.0, fade_out=4.5), "fade_out"),
        ("mp3", ConversionOptions(start=10.0, end=14.0, fade_in=3.0, fade_out=2.0), "fade_in"),
    ],
)
def test_an_option_that_is_not_allowed_is_named(
    name: str, options: ConversionOptions, option: str
) -> None:
    with pytest.raises(OptionInvalid) as refused:
        check_request(ConversionRequest(name, options))

    assert refused.value.context["option"] == option
    assert "allowed" in refused.value.context


def test_times_and_loudness_within_bounds_are_allowed() -> None:
    request = ConversionRequest("mp3", ConversionOptions(start=0.0, end=0.5, normalize=-16.0))

    assert check_request(request) is request


@pytest.mark.parametrize(
    "options",
    [
        ConversionOptions(fade_in=600.0, fade_out=0.001),
        ConversionOptions(fade_in=90.0, start=3600.0),
        ConversionOptions(start=0.1, end=0.11),
        ConversionOptions(start=999_999.0, end=1_000_000.0),
        ConversionOptions(start=0.1, end=0.3, fade_in=0.1, fade_out=0.1),
    ],
)
def test_fades_that_fit_the_known_duration_are_allowed(options: ConversionOptions) -> None:
    check_request(ConversionRequest("mp3", options))


def test_fades_that_do_not_fit_are_refused_with_the_limit() -> None:
    options = ConversionOptions(start=10.0, end=14.0, fade_in=3.0, fade_out=2.0)

    with pytest.raises(OptionInvalid, match="but start to end is only 4 seconds"):
        check_request(ConversionRequest("mp3", options))


def test_options_omit_what_was_not_requested() -> None:
    assert ConversionOptions(bitrate="192k", start=0.0).as_dict() == {
        "bitrate": "192k",
        "start": 0.0,
    }
