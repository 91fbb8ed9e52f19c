"""What a running conversion writes: one write a second is progress, lease and cancellation in one."""

from collections.abc import Callable

import pytest

from services.conversion.ports import ConversionResult, EngineProgress, OutputSink, SourceBytes
from services.conversion.worker import attempt as running
from tests.conversion.support import (
    LEASE,
    FakeEngine,
    Script,
    World,
    beating,
    convert,
    convert_in_parts,
)
from tests.conversion.test_storage_away import Stopwatch
from tests.fakes import A_SOURCE
from tests.fault_injection import record_calls


@pytest.fixture
def stopwatch(monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    stopwatch = Stopwatch()
    monkeypatch.setattr(running, "time", stopwatch)
    return stopwatch


def ticking(stopwatch: Stopwatch, seconds: int, end: Script = convert) -> Script:
    """Four ticks a second for so many seconds, then the end."""

    def script(
        source: SourceBytes, sink: OutputSink, tick: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        for n in range(seconds * 4):
            stopwatch.seconds += 0.25
            tick(
                EngineProgress(
                    "converting", 100 * n / (seconds * 4), eta_seconds=7.0, source=A_SOURCE
                )
            )
        return end(source, sink, tick)

    return script


WRITES = ("claim", "report", "publish", "fail", "release")


@pytest.mark.parametrize("seconds", [1, 2, 30])
@pytest.mark.parametrize(
    "end", [convert, convert_in_parts(b"one", b"two")], ids=["small", "in parts"]
)
def test_a_conversion_costs_one_write_a_second_and_three_more(
    world: World, stopwatch: Stopwatch, seconds: int, end: Script
) -> None:
    conversion = world.queued()
    writes = record_calls(world.leases, *WRITES)

    world.run(FakeEngine(ticking(stopwatch, seconds, end)))(conversion.id, beating)

    assert len(writes) <= seconds + 3
    assert writes.count("report") >= seconds - 1
    assert world.now(conversion).version == conversion.version + len(writes)


def test_a_conversion_of_less_than_a_second_is_two_writes_and_knows_its_source(
    world: World, stopwatch: Stopwatch
) -> None:
    conversion = world.queued()
    writes = record_calls(world.leases, *WRITES)

    world.run(FakeEngine())(conversion.id, beating)

    assert writes == ["claim", "publish"]
    assert world.now(conversion).source == A_SOURCE


def test_each_report_prolongs_the_lease(world: World, stopwatch: Stopwatch) -> None:
    conversion = world.queued()
    left: list[float] = []

    def look(_: float | None) -> None:
        left.append((world.now(conversion).lease_until or 0) - world.clock())
        world.clock.advance(1)

    world.run(FakeEngine(ticking(stopwatch, 40)))(conversion.id, look)

    assert len(left) >= 39
    assert set(left) == {LEASE}


def test_a_second_attempt_never_shows_less_than_the_first(
    world: World, stopwatch: Stopwatch
) -> None:
    conversion = world.queued()
    seen: list[float] = []

    def die() -> None:
        raise KeyboardInterrupt

    def look(_: float | None) -> None:
        seen.append(world.now(conversion).percent)

    with pytest.raises(KeyboardInterrupt):
        world.run(FakeEngine(ticking(stopwatch, 10, convert_in_parts(b"one", before_finish=die))))(
            conversion.id, look
        )
    reached = seen[-1]
    world.lease_ends()
    world.run(FakeEngine(ticking(stopwatch, 10)), "worker-2")(conversion.id, look)

    assert reached > 80
    assert seen == sorted(seen)


def test_a_multipart_upload_is_on_the_item_as_soon_as_there_is_one(
    world: World, stopwatch: Stopwatch
) -> None:
    """So that the next attempt finds its parts, however soon this one dies."""
    conversion = world.queued()
    found: list[object] = []

    def script(
        source: SourceBytes, sink: OutputSink, tick: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        sink.put_part(1, b"one")
        tick(EngineProgress("converting", 10.0))
        found.append(world.now(conversion).output_upload)
        return convert(source, sink, tick)

    world.run(FakeEngine(script))(conversion.id, beating)

    assert found != [None]


def test_the_heartbeat_hears_how_long_it_will_take_and_that_storing_is_as_good_as_done(
    world: World, stopwatch: Stopwatch
) -> None:
    conversion = world.queued()
    heard: list[float | None] = []

    def script(
        source: SourceBytes, sink: OutputSink, tick: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        for now in (
            EngineProgress("probing", 0.0),
            EngineProgress("converting", 50.0, eta_seconds=7.0),
            EngineProgress("storing", 97.0),
        ):
            stopwatch.seconds += 2
            tick(now)
        return convert(source, sink, tick)

    world.run(FakeEngine(script))(conversion.id, heard.append)

    assert heard == [None, 7.0, 0.0]
