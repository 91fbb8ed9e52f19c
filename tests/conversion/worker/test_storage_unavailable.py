"""Test an S3 or DynamoDB that does not answer, at each step of an attempt."""

from collections.abc import Callable

import pytest

from libs.core.domain.conversions import ConversionStatus
from libs.core.errors import StorageUnavailable
from services.conversion.ports import ConversionResult, EngineProgress, OutputSink, SourceBytes
from services.conversion.worker import progress_writer
from tests.conversion.support import (
    LEASE,
    RESULT,
    ConversionEnvironment,
    FakeEngine,
    convert_in_parts,
    ignore_heartbeat,
)
from tests.fakes import FakeClock
from tests.fault_injection import fail_calls

IN_PARTS = convert_in_parts(b"one", b"two")
FOR_GOOD = 50

STEPS = [
    ("uploads", "get"),
    ("objects", "read"),
    ("objects", "put"),
    ("multipart", "create"),
    ("multipart", "put_part"),
    ("multipart", "complete"),
    ("objects", "head"),
]


@pytest.mark.parametrize(("port", "method"), STEPS)
def test_a_store_that_stays_away_releases_the_conversion(
    env: ConversionEnvironment, port: str, method: str
) -> None:
    conversion = env.add_queued()
    engine = FakeEngine(IN_PARTS) if port == "multipart" or method == "head" else FakeEngine()
    failed = fail_calls(getattr(env, port), method, FOR_GOOD)

    assert env.runner(engine)(conversion.id, ignore_heartbeat) is False

    handed = env.current(conversion)
    assert (handed.status, handed.unblamed_count) == (ConversionStatus.QUEUED, 1)
    failed += [method] * FOR_GOOD  # it is back
    assert env.runner(engine)(conversion.id, ignore_heartbeat) is True
    assert env.current(conversion).status is ConversionStatus.COMPLETED
    assert len(env.outputs(conversion)) == 1


@pytest.mark.parametrize(
    ("port", "method"),
    [("objects", "put"), ("multipart", "put_part"), ("multipart", "complete"), ("objects", "read")],
)
@pytest.mark.parametrize("after", [False, True], ids=["call lost", "reply lost"])
def test_a_fault_that_passes_costs_no_attempt(
    env: ConversionEnvironment, port: str, method: str, after: bool
) -> None:
    conversion = env.add_queued()
    engine = FakeEngine(IN_PARTS) if port == "multipart" else FakeEngine()
    failed = fail_calls(getattr(env, port), method, 2, after=after)

    assert env.runner(engine)(conversion.id, ignore_heartbeat) is True

    assert failed
    assert len(engine.jobs) == 1
    done = env.current(conversion)
    assert (done.status, done.attempts) == (ConversionStatus.COMPLETED, 1)
    assert len(env.outputs(conversion)) == 1


@pytest.mark.parametrize("after", [False, True], ids=["call lost", "reply lost"])
@pytest.mark.parametrize("times", [1, 3])
def test_a_publication_is_insisted_on(env: ConversionEnvironment, times: int, after: bool) -> None:
    engine, conversion = FakeEngine(), env.add_queued()
    failed = fail_calls(env.leases, "publish", times, after=after)

    assert env.runner(engine)(conversion.id, ignore_heartbeat) is True

    assert len(failed) == times
    done = env.current(conversion)
    assert (done.status, done.attempts, len(engine.jobs)) == (ConversionStatus.COMPLETED, 1, 1)
    assert list(env.outputs(conversion).values()) == [RESULT]


def test_a_publication_of_which_no_reply_ever_came_stands(env: ConversionEnvironment) -> None:
    conversion = env.add_queued()
    fail_calls(env.leases, "publish", None, after=True)

    assert env.runner(FakeEngine())(conversion.id, ignore_heartbeat) is True

    done = env.current(conversion)
    assert done.status is ConversionStatus.COMPLETED
    assert done.output
    assert env.outputs(conversion) == {done.output.key: RESULT}


def test_a_release_is_insisted_on_so_that_the_attempt_does_not_count_as_lost(
    env: ConversionEnvironment,
) -> None:
    conversion = env.add_queued()
    fail_calls(env.objects, "read", FOR_GOOD)
    failed = fail_calls(env.leases, "release", 3)

    assert env.runner(FakeEngine())(conversion.id, ignore_heartbeat) is False

    assert len(failed) == 3
    assert env.current(conversion).unblamed_count == 1


def test_a_claim_that_cannot_be_written_says_so_and_changes_nothing(
    env: ConversionEnvironment,
) -> None:
    conversion = env.add_queued()
    fail_calls(env.leases, "claim")

    with pytest.raises(StorageUnavailable):
        env.runner(FakeEngine())(conversion.id, ignore_heartbeat)

    assert env.current(conversion) == conversion


def test_reports_are_dropped_while_the_lease_lasts(
    env: ConversionEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_writer, "REPORT_EVERY", 0.0)
    conversion = env.add_queued()
    failed = fail_calls(env.leases, "report", 20)

    def script(
        source: SourceBytes, sink: OutputSink, on_progress: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        for percent in range(30):
            on_progress(EngineProgress("converting", percent))
        return IN_PARTS(source, sink, on_progress)

    assert env.runner(FakeEngine(script))(conversion.id, ignore_heartbeat) is True

    assert len(failed) == 20
    assert env.current(conversion).status is ConversionStatus.COMPLETED


def test_a_lease_that_cannot_be_renewed_is_released_before_it_ends(
    env: ConversionEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    timer = FakeClock(0)
    conversion = env.add_queued()
    fail_calls(env.leases, "report", None)
    fail_calls(env.leases, "release", None)

    def script(
        source: SourceBytes, sink: OutputSink, on_progress: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        while timer() < 10 * LEASE:
            timer.advance(0.2)
            on_progress(EngineProgress("converting", 10.0))
        raise AssertionError("the engine went on without a lease")

    with pytest.raises(StorageUnavailable):
        env.runner(FakeEngine(script), timer=timer)(conversion.id, ignore_heartbeat)

    assert LEASE / 2 < timer() <= LEASE


def test_each_renewal_gives_a_later_outage_the_whole_lease_again(
    env: ConversionEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    timer = FakeClock(0)
    conversion = env.add_queued()

    def script(
        source: SourceBytes, sink: OutputSink, on_progress: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        for second in range(10 * int(LEASE)):
            if second == 5 * int(LEASE):
                fail_calls(env.leases, "report", int(LEASE) - 4)
            timer.advance(1)
            on_progress(EngineProgress("converting", 10.0))
        return IN_PARTS(source, sink, on_progress)

    assert env.runner(FakeEngine(script), timer=timer)(conversion.id, ignore_heartbeat) is True

    assert env.current(conversion).status is ConversionStatus.COMPLETED
