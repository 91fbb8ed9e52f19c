"""Test that of several janitors one sweeps in each interval, and that metrics are logged."""

import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from threading import Barrier, Event

import pytest
import structlog

from libs.core import telemetry
from libs.core.adapters.memory import MemoryNamedLeases
from libs.core.errors import StorageUnavailable
from libs.core.metrics import EmbeddedMetrics
from services.janitor.backlog_report import ReportBacklog
from services.janitor.sweep import Sweep
from services.janitor.sweep_run import SweepResult
from services.janitor.sweep_timer import SweepWhenDue
from tests.fakes import FakeClock
from tests.janitor.support import JanitorEnvironment

EVERY, LIMIT = 300.0, 100.0


class CountedSweep(Sweep):
    """Count the sweeps, each of which may fail or take time."""

    def __init__(self, env: JanitorEnvironment) -> None:
        self.inner = env.sweeper()
        self.count = 0
        self.error: Exception | None = None
        self.entered, self.go_on = Event(), Event()
        self.go_on.set()

    def __call__(self, *, dry_run: bool = False) -> SweepResult:
        self.count += 1
        self.entered.set()
        assert self.go_on.wait(30)
        if self.error:
            raise self.error
        return self.inner(dry_run=dry_run)


@pytest.fixture
def sweep(env: JanitorEnvironment) -> CountedSweep:
    return CountedSweep(env)


def janitor(sweep: Sweep, leases: MemoryNamedLeases, name: str, timer: FakeClock) -> SweepWhenDue:
    return SweepWhenDue(sweep, leases, name, EVERY, LIMIT, timer)


def test_two_janitors_at_once_make_one_sweep(sweep: CountedSweep, clock: FakeClock) -> None:
    leases = MemoryNamedLeases(clock)
    both = [janitor(sweep, leases, name, clock) for name in ("a", "b")]
    together = Barrier(2)

    def fire(due: SweepWhenDue) -> SweepResult | None:
        together.wait(30)
        return due()

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(fire, both))

    assert sweep.count == 1
    assert [result is None for result in results].count(True) == 1


def test_each_interval_has_one_sweep_whoever_makes_it(
    sweep: CountedSweep, clock: FakeClock
) -> None:
    leases = MemoryNamedLeases(clock)
    first, second = (janitor(sweep, leases, name, clock) for name in ("a", "b"))

    for _ in range(4):
        first()
        clock.advance(EVERY / 2)
        second()
        clock.advance(EVERY / 2)

    assert sweep.count == 4


def test_another_janitor_takes_over_from_one_that_is_gone(
    sweep: CountedSweep, clock: FakeClock
) -> None:
    leases = MemoryNamedLeases(clock)
    janitor(sweep, leases, "gone", clock)()

    clock.advance(EVERY)

    assert janitor(sweep, leases, "next", clock)() is not None


def test_a_running_sweep_keeps_others_out_even_beyond_a_short_interval(
    sweep: CountedSweep, clock: FakeClock
) -> None:
    leases = MemoryNamedLeases(clock)
    first, second = (
        SweepWhenDue(sweep, leases, name, 1, LIMIT, clock) for name in ("slow", "other")
    )
    sweep.go_on.clear()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(first)
        assert sweep.entered.wait(30)
        clock.advance(LIMIT)
        assert second() is None
        sweep.go_on.set()
        running.result(30)

    assert second() is not None


def test_a_sweep_that_failed_is_due_again_at_once(sweep: CountedSweep, clock: FakeClock) -> None:
    leases = MemoryNamedLeases(clock)
    sweep.error = StorageUnavailable("Away.", retry_after=2)
    with pytest.raises(StorageUnavailable):
        janitor(sweep, leases, "a", clock)()
    sweep.error = None

    assert janitor(sweep, leases, "b", clock)() is not None


@pytest.fixture
def logged() -> Iterator[StringIO]:
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    stream = StringIO()
    telemetry.set_up("janitor", stream=stream)
    # A logger that was cached here would write to this stream in later tests, too.
    structlog.configure(cache_logger_on_first_use=False)
    yield stream
    root.handlers[:] = kept
    root.setLevel(level)
    structlog.reset_defaults()


def test_backlog_and_sweep_are_metrics_in_the_log(
    env: JanitorEnvironment, logged: StringIO
) -> None:
    metrics = EmbeddedMetrics("tinypixo-test", lambda: 1.5)

    ReportBacklog(env.queue, metrics)()
    env.sweeper(table="tinypixo-test")()

    backlog, sweep = (json.loads(line) for line in logged.getvalue().splitlines())
    assert backlog["_aws"] == {
        "Timestamp": 1500,
        "CloudWatchMetrics": [
            {
                "Namespace": "TinyPixo",
                "Dimensions": [["Installation"]],
                "Metrics": [
                    {"Name": "QueuedConversions", "Unit": "Count"},
                    {"Name": "RunningConversions", "Unit": "Count"},
                    {"Name": "LongestWait", "Unit": "Seconds"},
                ],
            }
        ],
    }
    assert backlog["Installation"] == sweep["Installation"] == "tinypixo-test"
    assert (backlog["QueuedConversions"], backlog["LongestWait"]) == (0, 0.0)
    assert (sweep["Sweeps"], sweep["SweepFailures"]) == (1, 0)
