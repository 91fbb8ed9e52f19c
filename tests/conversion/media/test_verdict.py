"""Whether all of the sound is there, and what a person is told where it is not."""

from dataclasses import replace
from signal import SIGKILL, SIGSEGV, SIGXCPU, SIGXFSZ

import pytest

from libs.core.domain.formats import FORMATS, ConversionOptions
from libs.core.domain.uploads import GIB
from services.conversion.ffmpeg.log import FfmpegLog, FfmpegLogParser
from services.conversion.ffmpeg.profiles import ENCODER_PROFILES
from services.conversion.pipeline import problems
from services.conversion.pipeline.validation import (
    NOTHING_THERE,
    DurationCheck,
    ValidationResult,
    check_exit,
    check_size,
    judge,
)

HOURS = 24 * 3600.0
WHOLE = DurationCheck(
    expected=3600.0, decoded=3600.0, made=3600.0, sample_rate=44100, cut_off=False, alone=True
)
ALL = ConversionOptions()


def judged(
    account: DurationCheck, options: ConversionOptions = ALL, decode_errors: int = 0
) -> ValidationResult:
    return judge(account, FfmpegLog(decode_errors=decode_errors), options, HOURS)


def short_of(seconds: float, **changes: bool) -> DurationCheck:
    return replace(WHOLE, made=3600 - seconds, decoded=3600 - seconds, **changes)


def test_what_is_whole_is_praised_by_silence() -> None:
    assert judged(WHOLE) == ValidationResult()
    assert judged(short_of(0.05)) == ValidationResult()


@pytest.mark.parametrize("seconds", [0.2, 5.0, 1700.0])
def test_not_a_second_of_an_hour_goes_missing_silently(seconds: float) -> None:
    assert judged(short_of(seconds)).warnings == [
        f"The file is damaged or incomplete: {seconds:.1f} of 3600.0 seconds are missing."
    ]


def test_less_than_half_is_no_result() -> None:
    assert judged(short_of(2000)).problem == (
        "corrupt",
        "This file is damaged: only 1600.0 of its 3600.0 seconds can be read.",
    )


def test_a_film_may_be_longer_than_its_sound() -> None:
    film = short_of(2000, alone=False)
    assert judged(film).problem is None
    assert judged(film).warnings == [
        "The sound is 2000.0 seconds shorter than the file with all that is in it."
    ]
    assert judged(replace(film, cut_off=True)).problem
    assert judged(film, decode_errors=1).problem


def test_a_file_that_never_said_how_long_it_is() -> None:
    cut = replace(WHOLE, expected=None, cut_off=True)
    assert judged(cut).warnings == [
        "The file seems to be cut off: it ends in the middle of its sound, after 3600.0 seconds."
    ]
    assert judged(replace(cut, made=10.0), ConversionOptions(end=10.0)) == ValidationResult()
    assert judged(replace(cut, made=9.0), ConversionOptions(end=10.0)).warnings


def test_damaged_places_are_counted() -> None:
    assert judged(WHOLE, decode_errors=3).warnings == [
        "3 damaged places in the file could not be read and were skipped."
    ]


def test_nothing_is_no_result() -> None:
    assert judged(replace(WHOLE, made=0.0)).problem == problems.CORRUPT
    assert judged(replace(WHOLE, decoded=None)).problem == problems.CORRUPT
    assert judged(replace(WHOLE, made=0.0), ConversionOptions(start=9.0)).problem == NOTHING_THERE


def test_what_was_lost_on_our_side_is_not_blamed_on_the_file() -> None:
    assert judged(replace(WHOLE, made=3000.0)).problem == problems.INTERNAL


def test_longer_than_the_limit() -> None:
    problem = judged(replace(WHOLE, made=HOURS + 1)).problem
    assert problem == ("too_long", "The sound is longer than the 24 hours that we convert.")


@pytest.mark.parametrize(
    ("exit_code", "killed_by", "words", "code"),
    [
        (0, SIGXCPU, "", "timed_out"),
        (0, SIGXFSZ, "", "too_large"),
        (1, 0, "[error] Cannot allocate memory", "too_large"),
        (0, SIGSEGV, "", "corrupt"),
        (1, 0, "[error] Invalid data found", "corrupt"),
        (0, SIGKILL, "", "corrupt"),
    ],
)
def test_each_way_to_fail_has_a_code_and_a_sentence(
    exit_code: int, killed_by: int, words: str, code: str
) -> None:
    parser = FfmpegLogParser()
    parser.feed(words)
    problem = check_exit(exit_code, killed_by, parser.log)
    assert problem
    assert problem[0] == code
    assert problem[1].endswith(".")
    assert "[error]" not in problem[1]


def test_a_format_that_cannot_count_so_far_says_so() -> None:
    problem = check_size(4 * GIB, FORMATS["aiff"], ENCODER_PROFILES["aiff"], 20 * GIB)
    assert problem
    assert (
        problem[1]
        == "The result would be larger than the 4 GiB that aiff can hold. Please choose another format."
    )
    assert check_size(4 * GIB, FORMATS["wav"], ENCODER_PROFILES["wav"], 20 * GIB) is None
    assert check_size(21 * GIB, FORMATS["wav"], ENCODER_PROFILES["wav"], 20 * GIB) == (
        "too_large",
        "The result would be larger than we can store.",
    )
