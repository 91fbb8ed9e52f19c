"""Test the one write a second that is progress, lease and cancel check in one."""

from collections.abc import Callable

import pytest

from libs.core.domain.conversions import Conversion
from services.conversion.ports import ConversionResult, EngineProgress, OutputSink, SourceBytes
from services.conversion.worker.progress_writer import LEAST_LEFT
from tests.conversion.support import (
    LEASE,
    ConversionEnvironment,
    FakeEngine,
    Script,
    convert,
    convert_in_parts,
    ignore_heartbeat,
)
from tests.fakes import A_SOURCE, FakeClock
from tests.fault_injection import record_calls


@pytest.fixture
def timer() -> FakeClock:
    """Return the time that conversions take."""
    return FakeClock(0)


def report_for(timer: FakeClock, seconds: int, end: Script = convert) -> Script:
    """Return a script that reports four times a second, for so many seconds."""

    def script(
        source: SourceBytes, sink: OutputSink, on_progress: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        for n in range(seconds * 4):
            timer.advance(0.25)
            on_progress(
                EngineProgress(
                    "converting", 100 * n / (seconds * 4), eta_seconds=7.0, source=A_SOURCE
                )
            )
        return end(source, sink, on_progress)

    return script


WRITES = ("claim", "report", "publish", "fail", "release")


@pytest.mark.parametrize("seconds", [1, 2, 30])
@pytest.mark.parametrize(
    "end", [convert, convert_in_parts(b"one", b"two")], ids=["small", "in parts"]
)
def test_a_conversion_costs_one_write_a_second_and_three_more(
    env: ConversionEnvironment, timer: FakeClock, seconds: int, end: Script
) -> None:
    conversion = env.add_queued()
    writes = record_calls(env.leases, *WRITES)

    env.runner(FakeEngine(report_for(timer, seconds, end)), timer=timer)(
        conversion.id, ignore_heartbeat
    )

    assert len(writes) <= seconds + 3
    assert writes.count("report") >= seconds - 1
    assert env.current(conversion).version == conversion.version + len(writes)


def test_a_conversion_of_less_than_a_second_is_two_writes_and_knows_its_source(
    env: ConversionEnvironment, timer: FakeClock
) -> None:
    conversion = env.add_queued()
    writes = record_calls(env.leases, *WRITES)

    env.runner(FakeEngine(), timer=timer)(conversion.id, ignore_heartbeat)

    assert writes == ["claim", "publish"]
    assert env.current(conversion).source == A_SOURCE


def test_each_report_prolongs_the_lease(env: ConversionEnvironment, timer: FakeClock) -> None:
    conversion = env.add_queued()
    others: list[Conversion | None] = []

    def look(_: float | None, /, *, is_guess: bool) -> None:
        others.append(env.choose_next())
        env.clock.advance(LEASE / 2)

    env.runner(FakeEngine(report_for(timer, 40)), timer=timer)(conversion.id, look)

    assert len(others) >= 39
    assert set(others) == {None}, "the lease never ended"


def test_a_second_attempt_never_shows_less_than_the_first(
    env: ConversionEnvironment, timer: FakeClock
) -> None:
    conversion = env.add_queued()
    seen: list[float] = []

    def die() -> None:
        raise KeyboardInterrupt

    def look(_: float | None, /, *, is_guess: bool) -> None:
        seen.append(env.current(conversion).percent)

    with pytest.raises(KeyboardInterrupt):
        env.runner(FakeEngine(report_for(timer, 10, convert_in_parts(b"one", before_finish=die))))(
            conversion.id, look
        )
    reached = seen[-1]
    successor = env.runner(FakeEngine(report_for(timer, 10)), "worker-2", timer)
    env.run_next(successor, conversion, look)

    assert reached > 80
    assert seen == sorted(seen)


def test_a_multipart_upload_is_on_the_item_as_soon_as_there_is_one(
    env: ConversionEnvironment, timer: FakeClock
) -> None:
    """So that the next attempt finds its parts, however soon this one dies."""
    conversion = env.add_queued()
    found: list[object] = []

    def script(
        source: SourceBytes, sink: OutputSink, on_progress: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        sink.put_part(1, b"one")
        on_progress(EngineProgress("converting", 10.0))
        found.append(env.current(conversion).output_upload)
        return convert(source, sink, on_progress)

    env.runner(FakeEngine(script), timer=timer)(conversion.id, ignore_heartbeat)

    assert found != [None]


def test_the_heartbeat_gets_the_time_left_which_is_zero_only_while_storing(
    env: ConversionEnvironment, timer: FakeClock
) -> None:
    conversion = env.add_queued()
    heard: list[tuple[float | None, bool]] = []

    def note(eta: float | None, /, *, is_guess: bool) -> None:
        heard.append((eta, is_guess))

    def script(
        source: SourceBytes, sink: OutputSink, on_progress: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        for now in (
            EngineProgress("probing", 0.0),
            EngineProgress("converting", 30.0, eta_seconds=9.0, is_last_pass=False),
            EngineProgress("converting", 50.0, eta_seconds=7.0),
            EngineProgress("converting", 95.0, eta_seconds=0.0),
            EngineProgress("storing", 97.0),
        ):
            timer.advance(2)
            on_progress(now)
        return convert(source, sink, on_progress)

    env.runner(FakeEngine(script), timer=timer)(conversion.id, note)

    assert heard == [
        (None, False),
        (9.0, True),
        (7.0, False),
        (LEAST_LEFT, False),
        (0.0, False),
    ]
