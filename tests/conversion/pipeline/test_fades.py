"""Choose the fade filters for a request and a length."""

from libs.core.domain.formats import ConversionOptions
from services.conversion.pipeline.fades import fades

RATE = 1000


def test_without_a_request_there_is_no_filter() -> None:
    assert fades(ConversionOptions(), 5000, RATE) == ([], None)


def test_a_fade_out_ends_with_the_last_sample() -> None:
    assert fades(ConversionOptions(fade_in=1.0, fade_out=2.0), 5000, RATE) == (
        ["afade=t=in:ss=0:ns=1000", "afade=t=out:ss=3000:ns=2000"],
        None,
    )


def test_a_fade_in_needs_no_duration() -> None:
    assert fades(ConversionOptions(fade_in=1.0), None, RATE) == (["afade=t=in:ss=0:ns=1000"], None)


def test_overlapping_fades_are_shortened_proportionally() -> None:
    filters, warning = fades(ConversionOptions(fade_in=1.0, fade_out=3.0), 2000, RATE)
    assert filters == ["afade=t=in:ss=0:ns=500", "afade=t=out:ss=500:ns=1500"]
    assert warning is not None
    assert warning.code == "fades_shortened"
    assert warning.detail == "The fades were shortened to fit, because the result has 2.0 seconds."


def test_an_empty_result_is_not_faded() -> None:
    assert fades(ConversionOptions(fade_in=1.0, fade_out=1.0), 0, RATE)[0] == []
    assert fades(ConversionOptions(fade_in=0.0001, fade_out=0.0001), 5000, RATE) == ([], None)
