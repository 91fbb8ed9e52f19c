"""ConversionLeases, sentence by sentence. Time is the injected clock's."""

from collections.abc import Callable
from typing import Any

import pytest

from libs.core.domain.conversions import Conversion, ConversionStatus, Phase
from libs.core.domain.ids import new_id
from libs.core.domain.uploads import Failure
from libs.core.errors import LeaseLost
from libs.core.ports.leases import ProgressReport
from tests.contracts.backends import Backend
from tests.fakes import A_SOURCE, DAY, a_conversion, an_output, an_output_upload

LEASE = 30.0
BROKEN = Failure("corrupt", "The file is damaged.")

Write = Callable[[Backend, Conversion], Any]
WRITES: dict[str, Write] = {
    "report": lambda backend, mine: backend.leases.report(
        mine, ProgressReport(Phase.CONVERTING, 50.0), LEASE
    ),
    "publish": lambda backend, mine: backend.leases.publish(mine, an_output(mine), ()),
    "fail": lambda backend, mine: backend.leases.fail(mine, BROKEN),
    "release": lambda backend, mine: backend.leases.release(mine),
}
LOSSES: dict[str, Write] = {
    "cancelled": lambda backend, mine: backend.conversions.cancel(mine.id, mine.owner),
    "removed": lambda backend, mine: backend.conversions.remove(mine.id, mine.owner),
    "expired": lambda backend, mine: backend.clock.advance(DAY),
    "taken over": lambda backend, mine: _take_over(backend, mine),
    "taken over by its namesake": lambda backend, mine: _take_over(backend, mine, "first"),
    "released and claimed": lambda backend, mine: (
        backend.leases.release(mine),
        backend.leases.claim(mine.id, "first", LEASE),
    ),
    "taken over and finished": lambda backend, mine: _publish(backend, _take_over(backend, mine)),
    "taken over and failed": lambda backend, mine: backend.leases.fail(
        _take_over(backend, mine), BROKEN
    ),
    "taken over and released": lambda backend, mine: backend.leases.release(
        _take_over(backend, mine)
    ),
}
every_write = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


def _claim(backend: Backend, conversion: Conversion, worker: str = "first") -> Conversion:
    claimed = backend.leases.claim(conversion.id, worker, LEASE)
    assert claimed is not None
    return claimed


def _take_over(backend: Backend, conversion: Conversion, worker: str = "second") -> Conversion:
    backend.clock.advance(LEASE)
    return _claim(backend, conversion, worker)


def _publish(backend: Backend, mine: Conversion) -> Conversion:
    return backend.leases.publish(mine, an_output(mine), ("The file was cut short.",))


@pytest.fixture
def mine(backend: Backend, queued: Conversion) -> Conversion:
    """A conversion claimed by the worker `first`."""
    return _claim(backend, queued)


def test_claim_starts_a_queued_conversion(backend: Backend, queued: Conversion) -> None:
    backend.clock.advance(2)

    mine = _claim(backend, queued)

    assert (mine.status, mine.phase, mine.percent) == (
        ConversionStatus.CONVERTING,
        Phase.PROBING,
        0.0,
    )
    assert (mine.attempts, mine.worker, mine.lease_until) == (1, "first", backend.clock() + LEASE)
    assert mine.started_at == backend.clock()
    assert mine.version == queued.version + 1
    assert backend.conversions.get(mine.id) == mine


def test_what_waits_for_its_upload_cannot_be_claimed(backend: Backend, waiting: Conversion) -> None:
    assert backend.leases.claim(waiting.id, "first", LEASE) is None
    assert backend.conversions.get(waiting.id) == waiting


@pytest.mark.parametrize("worker", ["first", "second"])
def test_what_is_held_cannot_be_claimed(backend: Backend, mine: Conversion, worker: str) -> None:
    backend.clock.advance(LEASE - 1)

    assert backend.leases.claim(mine.id, worker, LEASE) is None
    assert backend.conversions.get(mine.id) == mine


def test_what_is_gone_cannot_be_claimed(backend: Backend, queued: Conversion) -> None:
    backend.conversions.remove(queued.id, queued.owner)

    assert backend.leases.claim(queued.id, "first", LEASE) is None
    assert backend.leases.claim(new_id("conversion"), "first", LEASE) is None


def test_what_has_expired_cannot_be_claimed(backend: Backend, queued: Conversion) -> None:
    backend.clock.advance(DAY)

    assert backend.leases.claim(queued.id, "first", LEASE) is None


@pytest.mark.parametrize(
    "end",
    [WRITES["publish"], WRITES["fail"], LOSSES["cancelled"]],
    ids=["completed", "failed", "cancelled"],
)
def test_what_has_ended_cannot_be_claimed(backend: Backend, mine: Conversion, end: Write) -> None:
    end(backend, mine)
    ended = backend.conversions.get(mine.id)
    backend.clock.advance(LEASE + 1)

    assert backend.leases.claim(mine.id, "second", LEASE) is None
    assert backend.conversions.get(mine.id) == ended


def test_an_ended_lease_lets_another_take_over_where_percent_stays(
    backend: Backend, mine: Conversion
) -> None:
    backend.leases.report(mine, ProgressReport(Phase.STORING, 40.0), LEASE)

    taken = _take_over(backend, mine)

    assert (taken.attempts, taken.worker) == (2, "second")
    assert (taken.status, taken.phase, taken.percent) == (
        ConversionStatus.CONVERTING,
        Phase.PROBING,
        40.0,
    )
    assert taken.started_at == mine.started_at


def test_each_claim_grows_the_attempts(backend: Backend, mine: Conversion) -> None:
    assert [_take_over(backend, mine, f"worker-{n}").attempts for n in range(3)] == [2, 3, 4]


@every_write
@every_loss
def test_a_zombie_cannot_write(
    backend: Backend, mine: Conversion, loss: Write, write: Write
) -> None:
    loss(backend, mine)
    before = backend.expired.exists(mine.id) and _raw(backend, mine)

    with pytest.raises(LeaseLost):
        write(backend, mine)

    assert (backend.expired.exists(mine.id) and _raw(backend, mine)) == before


def _raw(backend: Backend, conversion: Conversion) -> Any:
    """The item as it is, expired or not."""
    if conversion.expires_at > backend.clock():
        return backend.conversions.get(conversion.id)
    return [item for item in backend.expired.expired(backend.clock()) if item.id == conversion.id]


@every_write
def test_a_lease_that_has_ended_and_that_nobody_took_is_still_good(
    backend: Backend, mine: Conversion, write: Write
) -> None:
    backend.clock.advance(LEASE + 100)

    write(backend, mine)

    assert backend.conversions.get(mine.id).version == mine.version + 1


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
    assert now.lease_until == backend.clock() + LEASE
    assert now.version == mine.version + 1


def test_a_report_leaves_what_it_does_not_say(backend: Backend, mine: Conversion) -> None:
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


def test_reports_keep_a_conversion_from_others(backend: Backend, mine: Conversion) -> None:
    for _ in range(3):
        backend.clock.advance(LEASE - 1)
        backend.leases.report(mine, ProgressReport(Phase.CONVERTING, 1.0), LEASE)

    assert backend.leases.claim(mine.id, "second", LEASE) is None


@pytest.mark.parametrize(
    ("report", "phase", "percent"),
    [
        (ProgressReport(Phase.STORING, 20.0), Phase.STORING, 30.0),
        (ProgressReport(Phase.PROBING, 40.0), Phase.CONVERTING, 40.0),
        (ProgressReport(Phase.PROBING, 0.0), Phase.CONVERTING, 30.0),
    ],
    ids=["percent behind", "phase behind", "both behind"],
)
def test_percent_and_phase_never_run_backwards(
    backend: Backend, mine: Conversion, report: ProgressReport, phase: Phase, percent: float
) -> None:
    backend.leases.report(mine, ProgressReport(Phase.CONVERTING, 30.0), LEASE)
    backend.clock.advance(5)

    backend.leases.report(mine, report, LEASE)

    now = backend.conversions.get(mine.id)
    assert (now.phase, now.percent, now.lease_until) == (phase, percent, backend.clock() + LEASE)


def test_a_second_attempt_tells_its_own_facts_while_percent_stays(
    backend: Backend, mine: Conversion
) -> None:
    backend.leases.report(
        mine, ProgressReport(Phase.STORING, 60.0, output_upload=an_output_upload(mine)), LEASE
    )
    taken = _take_over(backend, mine)

    backend.leases.report(
        taken, ProgressReport(Phase.CONVERTING, 5.0, output_upload=an_output_upload(taken)), LEASE
    )

    now = backend.conversions.get(mine.id)
    assert (now.phase, now.percent, now.output_upload) == (
        Phase.CONVERTING,
        60.0,
        an_output_upload(taken),
    )


def test_publish_completes_it_in_one_write(backend: Backend, mine: Conversion) -> None:
    backend.clock.advance(7)

    done = _publish(backend, mine)

    assert (done.status, done.phase, done.percent) == (
        ConversionStatus.COMPLETED,
        Phase.DONE,
        100.0,
    )
    assert (done.output, done.warnings, done.finished_at) == (
        an_output(mine),
        ("The file was cut short.",),
        backend.clock(),
    )
    assert done.version == mine.version + 1
    assert backend.conversions.get(mine.id) == done


def test_publish_keeps_the_source_that_was_reported(backend: Backend, mine: Conversion) -> None:
    backend.leases.report(mine, ProgressReport(Phase.CONVERTING, 1.0, source=A_SOURCE), LEASE)

    assert _publish(backend, mine).source == A_SOURCE


def test_publish_tells_the_source_where_no_report_has(backend: Backend, mine: Conversion) -> None:
    assert backend.leases.publish(mine, an_output(mine), (), A_SOURCE).source == A_SOURCE


def test_fail_ends_it_with_the_reason(backend: Backend, mine: Conversion) -> None:
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
def test_nobody_holds_what_has_ended(backend: Backend, mine: Conversion, end: Write) -> None:
    backend.leases.report(
        mine,
        ProgressReport(Phase.CONVERTING, 12.5, 3.25, 40.5, output_upload=an_output_upload(mine)),
        LEASE,
    )

    end(backend, mine)

    now = backend.conversions.get(mine.id)
    assert (now.worker, now.lease_until, now.output_upload, now.eta_seconds) == (
        None,
        None,
        None,
        None,
    )


def test_release_gives_the_queue_back_what_it_had(backend: Backend, mine: Conversion) -> None:
    backend.leases.report(
        mine, ProgressReport(Phase.CONVERTING, 12.5, output_upload=an_output_upload(mine)), LEASE
    )

    backend.leases.release(mine)

    now = backend.conversions.get(mine.id)
    assert (now.status, now.phase, now.worker, now.lease_until) == (
        ConversionStatus.QUEUED,
        Phase.QUEUED,
        None,
        None,
    )
    assert (now.attempts, now.released) == (1, 1)
    assert (now.percent, now.output_upload) == (12.5, an_output_upload(mine))


def test_a_released_one_can_be_claimed_at_once_under_a_new_number(
    backend: Backend, mine: Conversion
) -> None:
    backend.leases.release(mine)

    again = _claim(backend, mine, "second")

    assert (again.attempts, again.released) == (2, 1)


@pytest.mark.parametrize(
    "write",
    [WRITES["publish"], WRITES["fail"], WRITES["release"]],
    ids=["publish", "fail", "release"],
)
def test_a_write_that_its_caller_repeats_counts_as_one(
    backend: Backend, mine: Conversion, write: Write
) -> None:
    write(backend, mine)
    once = backend.conversions.get(mine.id)
    backend.clock.advance(5)

    write(backend, mine)

    assert backend.conversions.get(mine.id) == once


@pytest.mark.parametrize(
    ("first", "then"),
    [(end, other) for end in ("publish", "fail", "release") for other in WRITES if other != end],
)
def test_after_its_end_an_attempt_cannot_do_otherwise(
    backend: Backend, mine: Conversion, first: str, then: str
) -> None:
    WRITES[first](backend, mine)
    ended = backend.conversions.get(mine.id)

    with pytest.raises(LeaseLost):
        WRITES[then](backend, mine)

    assert backend.conversions.get(mine.id) == ended


@every_write
def test_an_unknown_conversion_is_lost(
    backend: Backend, mine: Conversion, upload: Any, write: Write
) -> None:
    with pytest.raises(LeaseLost):
        write(backend, a_conversion(upload, attempts=1, worker="first"))
