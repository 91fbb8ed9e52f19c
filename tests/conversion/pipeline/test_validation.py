"""Check completeness, exit statuses and sizes, and the messages about them."""

from dataclasses import replace
from pathlib import Path
from signal import SIGKILL, SIGSEGV, SIGXCPU, SIGXFSZ

import pytest

from libs.core.domain.formats import FORMATS, ConversionOptions
from libs.core.domain.uploads import GIB, Failure
from services.conversion.ffmpeg.log import FfmpegLog, FfmpegLogParser
from services.conversion.ffmpeg.log_lines import parse_line
from services.conversion.ffmpeg.profiles import ENCODER_PROFILES
from services.conversion.pipeline import failures
from services.conversion.pipeline.validation import (
    Completeness,
    Durations,
    check_completeness,
    check_exit,
    check_size,
)

HOURS = 24 * 3600.0
WHOLE = Durations(
    expected=3600.0,
    decoded=3600.0,
    encoded=3600.0,
    sample_rate=44100,
    is_truncated=False,
    is_only_track=True,
)
ALL = ConversionOptions()


def result_of(
    durations: Durations, options: ConversionOptions = ALL, decode_errors: int = 0
) -> Completeness:
    return check_completeness(durations, FfmpegLog(decode_errors=decode_errors), options, HOURS)


def short_of(seconds: float, **changes: bool) -> Durations:
    return replace(WHOLE, encoded=3600 - seconds, decoded=3600 - seconds, **changes)


def test_complete_sound_causes_no_warning() -> None:
    assert result_of(WHOLE) == Completeness()
    assert result_of(short_of(0.05)) == Completeness()


@pytest.mark.parametrize("seconds", [0.2, 5.0, 1700.0])
def test_missing_seconds_are_reported(seconds: float) -> None:
    assert result_of(short_of(seconds)).details == [
        f"This file is damaged or incomplete: {seconds:.1f} of 3600.0 seconds are missing."
    ]


def test_less_than_half_is_corrupt() -> None:
    assert result_of(short_of(2000)).failure == Failure(
        "corrupt",
        "This file is damaged: only 1600.0 of its 3600.0 seconds can be read. Try another copy of"
        " it.",
    )


def test_a_video_may_be_longer_than_its_sound() -> None:
    film = short_of(2000, is_only_track=False)
    assert result_of(film).failure is None
    assert result_of(film).details == [
        "The sound is 2000.0 seconds shorter than the rest of the file."
    ]
    assert result_of(replace(film, is_truncated=True)).failure
    assert result_of(film, decode_errors=1).failure


def test_a_truncated_file_of_unknown_duration_is_reported() -> None:
    cut = replace(WHOLE, expected=None, is_truncated=True)
    assert result_of(cut).details == [
        "This file seems to be cut off: it ends in the middle of its sound, after 3600.0 seconds."
    ]
    assert result_of(replace(cut, encoded=10.0), ConversionOptions(end=10.0)) == Completeness()
    assert result_of(replace(cut, encoded=9.0), ConversionOptions(end=10.0)).warnings


def test_decode_errors_are_counted() -> None:
    assert result_of(WHOLE, decode_errors=3).details == [
        "3 damaged places in the file were skipped."
    ]


def test_no_sound_is_corrupt() -> None:
    assert result_of(replace(WHOLE, encoded=0.0)).failure == failures.CORRUPT
    assert result_of(replace(WHOLE, decoded=None)).failure == failures.CORRUPT
    assert (
        result_of(replace(WHOLE, encoded=0.0), ConversionOptions(start=9.0)).failure
        == failures.START_AFTER_END
    )


def test_samples_lost_between_decoder_and_encoder_are_internal() -> None:
    assert result_of(replace(WHOLE, encoded=3000.0)).failure == failures.INTERNAL


def test_sound_beyond_the_limit_is_too_long() -> None:
    failure = result_of(replace(WHOLE, encoded=HOURS + 1)).failure
    assert failure == failures.too_long(HOURS)
    assert "24 hours" in failure.detail


@pytest.mark.parametrize(
    ("exit_code", "killed_by", "message", "code"),
    [
        (0, SIGXCPU, "", "timed_out"),
        (0, SIGXFSZ, "", "too_large"),
        (1, 0, "[error] Cannot allocate memory", "too_large"),
        (0, SIGSEGV, "", "corrupt"),
        (1, 0, "[error] Invalid data found", "corrupt"),
        (0, SIGKILL, "", "corrupt"),
    ],
)
def test_each_failure_has_a_code_and_a_message(
    exit_code: int, killed_by: int, message: str, code: str
) -> None:
    parser = FfmpegLogParser()
    parser.feed(parse_line(message))
    failure = check_exit(exit_code, killed_by, parser.log)
    assert failure
    assert failure.code == code
    assert failure.detail.endswith(".")
    assert "[error]" not in failure.detail


def test_an_output_beyond_the_format_or_the_storage_is_too_large() -> None:
    failure = check_size(4 * GIB, FORMATS["aiff"], ENCODER_PROFILES["aiff"], 20 * GIB)
    assert failure
    assert (
        failure.detail
        == "The result would be larger than the 4 GiB that aiff can hold. Choose another format."
    )
    assert check_size(4 * GIB, FORMATS["wav"], ENCODER_PROFILES["wav"], 20 * GIB) is None
    assert (
        check_size(21 * GIB, FORMATS["wav"], ENCODER_PROFILES["wav"], 20 * GIB)
        == failures.TOO_LARGE
    )


REASONS = [each for each in vars(failures).values() if isinstance(each, Failure) and each.reason]


@pytest.mark.parametrize(
    "failure",
    [*REASONS, failures.no_such_track(2, 1), failures.too_many_channels(9, 8)],
    ids=lambda failure: str(failure.reason),
)
def test_each_reason_is_in_the_document_of_the_api(failure: Failure) -> None:
    rows = (Path(__file__).parents[3] / "docs" / "api.md").read_text().partition("| `reason` |")[2]
    _, _, meanings = rows.partition(f"| `{failure.code}` | | ")
    assert f"| | `{failure.reason}` | " in meanings.partition("\n| `")[0]
