"""Test the contract of ConversionLeases: writes of the worker that has the lease."""

from typing import Any

import pytest

from libs.core.domain.conversions import Conversion, ConversionStatus, Phase
from libs.core.errors import LeaseLost
from libs.core.ports.leases import ProgressReport
from tests.contracts.backend import Backend
from tests.contracts.leases import (
    BROKEN,
    LEASE,
    LOSSES,
    NO_COVER,
    TRUNCATED,
    WRITES,
    Write,
    claim,
    every_write,
    publish,
    take_over,
)
from tests.fakes import A_SOURCE, a_conversion, an_output, an_output_upload


def test_a_report_writes_progress_and_renews_the_lease(backend: Backend, mine: Conversion) -> None:
    backend.clock.advance(10)
    writing = an_output_upload(mine)

    backend.leases.report(
        mine,
        ProgressReport(Phase.CONVERTING, 12.5, 3.25, 40.5, A_SOURCE, writing, ("No cover.",)),
        LEASE,
    )

    now = backend.conversions.get(mine.id)
    assert (now.phase, now.percent, now.speed, now.eta_seconds) == (
        Phase.CONVERTING,
        12.5,
        3.25,
        40.5,
    )
    assert (now.source, now.output_upload, now.warnings) == (A_SOURCE, writing, ("No cover.",))
    assert now.updated_at == backend.clock()
    assert now.version == mine.version + 1


def test_a_report_keeps_the_values_that_it_leaves_out(backend: Backend, mine: Conversion) -> None:
    writing = an_output_upload(mine)
    backend.leases.report(
        mine,
        ProgressReport(Phase.CONVERTING, 12.5, 3.25, 40.5, A_SOURCE, writing, ("No cover.",)),
        LEASE,
    )

    backend.leases.report(mine, ProgressReport(Phase.CONVERTING, 20.0), LEASE)

    now = backend.conversions.get(mine.id)
    assert (now.percent, now.speed, now.eta_seconds) == (20.0, 3.25, 40.5)
    assert (now.source, now.output_upload, now.warnings) == (A_SOURCE, writing, ("No cover.",))


def test_reports_renew_the_lease(backend: Backend, mine: Conversion) -> None:
    for _ in range(3):
        observed = backend.conversions.get(mine.id).version
        backend.leases.report(mine, ProgressReport(Phase.CONVERTING, 1.0), LEASE)

        assert backend.leases.claim(mine.id, "second", LEASE, observed) is None


@pytest.mark.parametrize(
    ("report", "phase", "percent"),
    [
        (ProgressReport(Phase.STORING, 20.0), Phase.STORING, 30.0),
        (ProgressReport(Phase.PROBING, 40.0), Phase.CONVERTING, 40.0),
        (ProgressReport(Phase.PROBING, 0.0), Phase.CONVERTING, 30.0),
    ],
    ids=["percent behind", "phase behind", "both behind"],
)
def test_percent_and_phase_never_decrease(
    backend: Backend, mine: Conversion, report: ProgressReport, phase: Phase, percent: float
) -> None:
    backend.leases.report(mine, ProgressReport(Phase.CONVERTING, 30.0), LEASE)
    backend.clock.advance(5)

    backend.leases.report(mine, report, LEASE)

    now = backend.conversions.get(mine.id)
    assert (now.phase, now.percent, now.version) == (phase, percent, mine.version + 2)


def test_a_second_attempt_reports_its_own_output_and_keeps_the_percent(
    backend: Backend, mine: Conversion
) -> None:
    backend.leases.report(
        mine, ProgressReport(Phase.STORING, 60.0, output_upload=an_output_upload(mine)), LEASE
    )
    taken = take_over(backend, mine)

    backend.leases.report(
        taken, ProgressReport(Phase.CONVERTING, 5.0, output_upload=an_output_upload(taken)), LEASE
    )

    now = backend.conversions.get(mine.id)
    assert (now.phase, now.percent, now.output_upload) == (
        Phase.CONVERTING,
        60.0,
        an_output_upload(taken),
    )


def test_publish_completes_the_conversion_in_one_write(backend: Backend, mine: Conversion) -> None:
    backend.clock.advance(7)

    done = publish(backend, mine)

    assert (done.status, done.phase, done.percent) == (
        ConversionStatus.COMPLETED,
        Phase.DONE,
        100.0,
    )
    assert (done.output, done.warnings, done.finished_at) == (
        an_output(mine),
        ("The file was cut short.", "The cover is too large."),
        backend.clock(),
    )
    assert done.warning_details == (TRUNCATED, NO_COVER)
    assert done.version == mine.version + 1
    assert backend.conversions.get(mine.id) == done


def test_publish_keeps_the_source_that_was_reported(backend: Backend, mine: Conversion) -> None:
    backend.leases.report(mine, ProgressReport(Phase.CONVERTING, 1.0, source=A_SOURCE), LEASE)

    assert publish(backend, mine).source == A_SOURCE


def test_publish_stores_the_source_if_no_report_did(backend: Backend, mine: Conversion) -> None:
    assert backend.leases.publish(mine, an_output(mine), (), A_SOURCE).source == A_SOURCE


def test_fail_ends_the_conversion_with_the_reason(backend: Backend, mine: Conversion) -> None:
    backend.clock.advance(7)

    failed = backend.leases.fail(mine, BROKEN)

    assert (failed.status, failed.phase, failed.error) == (
        ConversionStatus.FAILED,
        Phase.DONE,
        BROKEN,
    )
    assert (failed.finished_at, failed.version) == (backend.clock(), mine.version + 1)
    assert backend.conversions.get(mine.id) == failed


@pytest.mark.parametrize(
    "end",
    [WRITES["publish"], WRITES["fail"], LOSSES["cancelled"]],
    ids=["completed", "failed", "cancelled"],
)
def test_an_ended_conversion_has_no_lease(backend: Backend, mine: Conversion, end: Write) -> None:
    backend.leases.report(
        mine,
        ProgressReport(Phase.CONVERTING, 12.5, 3.25, 40.5, output_upload=an_output_upload(mine)),
        LEASE,
    )

    end(backend, mine)

    now = backend.conversions.get(mine.id)
    assert (now.worker, now.output_upload, now.eta_seconds) == (None, None, None)


def test_release_queues_the_conversion_with_its_progress(
    backend: Backend, mine: Conversion
) -> None:
    backend.leases.report(
        mine, ProgressReport(Phase.CONVERTING, 12.5, output_upload=an_output_upload(mine)), LEASE
    )

    backend.leases.release(mine)

    now = backend.conversions.get(mine.id)
    assert (now.status, now.phase, now.worker) == (
        ConversionStatus.QUEUED,
        Phase.QUEUED,
        None,
    )
    assert (now.attempts, now.unblamed_count) == (1, 1)
    assert (now.percent, now.output_upload) == (12.5, an_output_upload(mine))


def test_a_released_conversion_can_be_claimed_at_once(backend: Backend, mine: Conversion) -> None:
    backend.leases.release(mine)

    again = claim(backend, mine, "second")

    assert (again.attempts, again.unblamed_count) == (2, 1)


@pytest.mark.parametrize(
    "write",
    [WRITES["publish"], WRITES["fail"], WRITES["release"]],
    ids=["publish", "fail", "release"],
)
def test_a_repeated_write_counts_once(backend: Backend, mine: Conversion, write: Write) -> None:
    write(backend, mine)
    once = backend.conversions.get(mine.id)
    backend.clock.advance(5)

    write(backend, mine)

    assert backend.conversions.get(mine.id) == once


@pytest.mark.parametrize(
    ("first", "then"),
    [(end, other) for end in ("publish", "fail", "release") for other in WRITES if other != end],
)
def test_an_ended_attempt_cannot_make_another_write(
    backend: Backend, mine: Conversion, first: str, then: str
) -> None:
    WRITES[first](backend, mine)
    ended = backend.conversions.get(mine.id)

    with pytest.raises(LeaseLost):
        WRITES[then](backend, mine)

    assert backend.conversions.get(mine.id) == ended


@every_write
def test_a_write_to_an_unknown_conversion_is_refused(
    backend: Backend, mine: Conversion, upload: Any, write: Write
) -> None:
    with pytest.raises(LeaseLost):
        write(backend, a_conversion(upload, attempts=1, worker="first"))
