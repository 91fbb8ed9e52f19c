"""S3 or DynamoDB away at each step of an attempt: nothing is lost, nothing is done twice, what was made is not made again."""

from collections.abc import Callable

import pytest

from libs.core.domain.conversions import ConversionStatus
from libs.core.errors import StorageUnavailable
from services.conversion.ports import ConversionResult, EngineProgress, OutputSink, SourceBytes
from services.conversion.worker import attempt as running
from tests.conversion.support import LEASE, RESULT, FakeEngine, World, beating, convert_in_parts
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
def test_a_store_that_stays_away_hands_the_conversion_back(
    world: World, port: str, method: str
) -> None:
    conversion = world.queued()
    engine = FakeEngine(IN_PARTS) if port == "multipart" or method == "head" else FakeEngine()
    failed = fail_calls(getattr(world, port), method, FOR_GOOD)

    assert world.run(engine)(conversion.id, beating) is False

    handed = world.now(conversion)
    assert (handed.status, handed.released) == (ConversionStatus.QUEUED, 1)
    failed += [method] * FOR_GOOD  # it is back
    assert world.run(engine)(conversion.id, beating) is True
    assert world.now(conversion).status is ConversionStatus.COMPLETED
    assert len(world.outputs(conversion)) == 1


@pytest.mark.parametrize(
    ("port", "method"),
    [("objects", "put"), ("multipart", "put_part"), ("multipart", "complete"), ("objects", "read")],
)
@pytest.mark.parametrize("after", [False, True], ids=["call lost", "reply lost"])
def test_a_fault_that_passes_costs_no_attempt(
    world: World, port: str, method: str, after: bool
) -> None:
    conversion = world.queued()
    engine = FakeEngine(IN_PARTS) if port == "multipart" else FakeEngine()
    failed = fail_calls(getattr(world, port), method, 2, after=after)

    assert world.run(engine)(conversion.id, beating) is True

    assert failed
    assert len(engine.jobs) == 1
    done = world.now(conversion)
    assert (done.status, done.attempts) == (ConversionStatus.COMPLETED, 1)
    assert len(world.outputs(conversion)) == 1


@pytest.mark.parametrize("after", [False, True], ids=["call lost", "reply lost"])
@pytest.mark.parametrize("times", [1, 3])
def test_a_publication_is_insisted_on(world: World, times: int, after: bool) -> None:
    engine, conversion = FakeEngine(), world.queued()
    failed = fail_calls(world.leases, "publish", times, after=after)

    assert world.run(engine)(conversion.id, beating) is True

    assert len(failed) == times
    done = world.now(conversion)
    assert (done.status, done.attempts, len(engine.jobs)) == (ConversionStatus.COMPLETED, 1, 1)
    assert list(world.outputs(conversion).values()) == [RESULT]


def test_a_publication_of_which_no_reply_ever_came_stands(world: World) -> None:
    conversion = world.queued()
    fail_calls(world.leases, "publish", None, after=True)

    assert world.run(FakeEngine())(conversion.id, beating) is True

    done = world.now(conversion)
    assert done.status is ConversionStatus.COMPLETED
    assert done.output
    assert world.outputs(conversion) == {done.output.key: RESULT}


def test_a_hand_back_is_insisted_on_so_that_the_attempt_does_not_count_as_lost(
    world: World,
) -> None:
    conversion = world.queued()
    fail_calls(world.objects, "read", FOR_GOOD)
    failed = fail_calls(world.leases, "release", 3)

    assert world.run(FakeEngine())(conversion.id, beating) is False

    assert len(failed) == 3
    assert world.now(conversion).released == 1


def test_a_claim_that_cannot_be_written_says_so_and_changes_nothing(world: World) -> None:
    conversion = world.queued()
    fail_calls(world.leases, "claim")

    with pytest.raises(StorageUnavailable):
        world.run(FakeEngine())(conversion.id, beating)

    assert world.now(conversion) == conversion


def test_reports_are_shed_while_the_lease_lasts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "REPORT_EVERY", 0.0)
    conversion = world.queued()
    failed = fail_calls(world.leases, "report", 20)

    def script(
        source: SourceBytes, sink: OutputSink, tick: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        for percent in range(30):
            tick(EngineProgress("converting", percent))
        return IN_PARTS(source, sink, tick)

    assert world.run(FakeEngine(script))(conversion.id, beating) is True

    assert len(failed) == 20
    assert world.now(conversion).status is ConversionStatus.COMPLETED


def test_a_lease_that_cannot_be_renewed_is_let_go_before_it_ends(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Stopwatch()
    monkeypatch.setattr(running, "time", clock)
    conversion = world.queued()
    fail_calls(world.leases, "report", None)
    fail_calls(world.leases, "release", None)

    def script(
        source: SourceBytes, sink: OutputSink, tick: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        while clock.seconds < 10 * LEASE:
            clock.seconds += 0.2
            tick(EngineProgress("converting", 10.0))
        raise AssertionError("the engine went on without a lease")

    with pytest.raises(StorageUnavailable):
        world.run(FakeEngine(script))(conversion.id, beating)

    assert LEASE / 2 < clock.seconds <= LEASE


def test_each_renewal_gives_a_later_outage_the_whole_lease_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Stopwatch()
    monkeypatch.setattr(running, "time", clock)
    conversion = world.queued()

    def script(
        source: SourceBytes, sink: OutputSink, tick: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        for second in range(10 * int(LEASE)):
            if second == 5 * int(LEASE):
                fail_calls(world.leases, "report", int(LEASE) - 4)
            clock.seconds += 1.0
            tick(EngineProgress("converting", 10.0))
        return IN_PARTS(source, sink, tick)

    assert world.run(FakeEngine(script))(conversion.id, beating) is True

    assert world.now(conversion).status is ConversionStatus.COMPLETED


class Stopwatch:
    """Stands for the module `time`: its seconds pass when told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds
