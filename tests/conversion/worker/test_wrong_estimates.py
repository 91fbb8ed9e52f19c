"""Test that no file keeps a slot by stating a duration that is wrong."""

import time
from collections.abc import Callable

import pytest

from services.conversion.ports import ConversionResult, EngineProgress, OutputSink, SourceBytes
from services.conversion.worker import progress_writer, slot_use, time_sharing
from services.conversion.worker.slot_use import SlotUse
from services.conversion.worker.slots import Slots
from services.conversion.worker.time_sharing import NEARLY_DONE, TimeSharing
from tests.conversion.support import ConversionEnvironment, FakeEngine, convert
from tests.conversion.worker.support import new_worker, shorten_release_pause
from tests.conversion.worker.test_turns import a_turn, pausable
from tests.fakes import FakeClock
from tests.fault_injection import eventually

LONG = 1000

Estimate = Callable[[int], float]
"""Seconds left by the engine's estimate, after so many seconds."""

LIES: dict[str, Estimate] = {
    "a header that states eleven seconds": lambda second: max(0.0, 11.0 - second),
    "a header that states one second": lambda _: 0.0,
    "an end that is always two seconds away": lambda _: 2.0,
    "an end that is always ten seconds away": lambda _: 10.0,
    "ten seconds, then always two": lambda second: 10.0 if second < 20 else 2.0,
    "an end that comes and goes": lambda second: 2.0 if second % 2 else 900.0,
}


def protected_seconds(estimate: Estimate, owners: str, *, is_guess: bool = False) -> int:
    """Return for how many seconds the first of the turns may not end, although another waits."""
    turns = [a_turn(0.0 if number else -0.5) for number in range(len(owners))]
    protected = 0
    for second in range(LONG):
        now = time_sharing.TURN + second
        for turn in turns:
            turn.expect(estimate(second), now, is_guess=is_guess)
        protected += turns[0] not in pausable(turns, owners, now + 0.5, "b")
    return protected


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize(("owners", "most"), [("aa", 0.0), ("a", NEARLY_DONE)])
def test_a_file_is_protected_for_little_longer_than_honest_ones(
    lie: str, owners: str, most: float
) -> None:
    limit = slot_use.ESTIMATE_FACTOR * most + slot_use.ESTIMATE_GRACE

    assert protected_seconds(LIES[lie], owners) <= limit


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("owners", ["aa", "a"])
def test_no_file_is_protected_while_a_later_pass_follows(lie: str, owners: str) -> None:
    assert protected_seconds(LIES[lie], owners, is_guess=True) == 0


@pytest.mark.parametrize(("owners", "most"), [("aa", 0.0), ("a", NEARLY_DONE)])
def test_an_honest_file_is_protected_to_its_end(owners: str, most: float) -> None:
    ends_after = 60
    turns = [a_turn(0.0 if number else -0.5) for number in range(len(owners))]
    for second in range(ends_after):
        now, left = time_sharing.TURN + second, float(ends_after - second)
        for turn in turns:
            turn.expect(left, now)
        assert (turns[0] in pausable(turns, owners, now, "b")) is (left > most)


@pytest.mark.parametrize("always", [0.0, 11.0])
def test_others_are_not_paused_in_turn_for_one_that_seems_to_end_soon(always: float) -> None:
    liar, honest = a_turn(0.0), a_turn(1.0)
    for second in range(30):
        liar.expect(always, float(second))
    honest.expect(3600.0, 30.0)

    assert pausable([honest, liar], "ab", 30.0, "c") == [liar, honest]


def test_the_time_of_a_pause_breaks_no_promise() -> None:
    clock = FakeClock(0.0)
    sharing = TimeSharing(Slots(1), clock)
    use = sharing.begin("short")
    clock.advance(1.0)
    use.expect(8.0, clock())
    assert sharing.pause(use, "another")
    clock.advance(3600.0)
    use.expect(8.0, clock())
    assert use.seconds_run(clock()) == 1.0
    assert sharing.resume("short")

    clock.advance(2 * 8.0)
    assert not use.is_overdue(clock())
    clock.advance(1.0)
    assert use.is_overdue(clock())


def test_no_moment_of_a_resumption_breaks_a_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    """The heartbeat, in another thread, may look between any two steps."""
    clock = FakeClock(0.0)
    seen: list[float] = []

    class WatchedUse(SlotUse):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if "promised" in vars(self):
                seen.append(self.seconds_run(clock()))

    monkeypatch.setattr(time_sharing, "SlotUse", WatchedUse)
    sharing = TimeSharing(Slots(1), clock)
    assert sharing.pause(sharing.begin("short"), "another")
    clock.advance(3600.0)
    seen.clear()

    assert sharing.resume("short")

    assert set(seen) == {0.0}


def test_a_guess_at_a_later_pass_is_no_promise() -> None:
    """Counting samples says little about how long it takes to encode them."""
    use = a_turn(0.0)

    use.expect(5.0, 60.0, is_guess=True)
    assert not use.is_overdue(3600.0)

    use.expect(5.0, 3600.0)
    assert use.is_overdue(3600.0 + 2 * 5.0 + 1.0)


def with_all_pauses_used(clock: FakeClock) -> TimeSharing:
    """Return one slot with as many paused conversions as it may have."""
    sharing = TimeSharing(Slots(1), clock)
    for number in range(time_sharing.PAUSED_PER_SLOT):
        assert sharing.pause(sharing.begin(f"long-{number}"), "another")
    return sharing


def test_one_that_is_overdue_for_long_is_handed_over_like_a_long_one() -> None:
    """No more may be paused. Its estimate of no time left does not protect it."""
    clock = FakeClock(0.0)
    sharing = with_all_pauses_used(clock)
    use = sharing.begin("liar")
    use.expect(progress_writer.LEAST_LEFT, clock())

    clock.advance(use.promised + slot_use.MUCH_LEFT)
    assert not sharing.pause(use, "new")
    assert not use.must_yield, "it may just be slow"
    clock.advance(1.0)
    assert not sharing.pause(use, "new")
    assert use.must_yield


def test_one_wrong_early_estimate_sends_no_honest_one_back_near_its_end() -> None:
    """Silence at the beginning seemed to make it a conversion of five minutes; it takes forty."""
    clock = FakeClock(0.0)
    sharing = with_all_pauses_used(clock)
    use = sharing.begin("honest")
    clock.advance(10.0)
    use.expect(300.0, clock())

    clock.advance(10 * 60.0)
    for _ in range(29):
        clock.advance(60.0)
        use.expect(40 * 60 - clock(), clock())
        assert not sharing.pause(use, "new")

    assert use.is_overdue(clock())
    assert not use.must_yield


def test_a_conversion_that_must_yield_does_so_at_the_end_of_its_stated_duration(
    env: ConversionEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_writer, "REPORT_EVERY", 0.01)
    shorten_release_pause(monkeypatch, 0.05)

    def work(
        source: SourceBytes, sink: OutputSink, on_progress: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        while not env.current(conversion).yielded:
            on_progress(EngineProgress("converting", 95.0, eta_seconds=0.0))
            time.sleep(0.001)
        return convert(source, sink, on_progress)

    conversion = env.add_queued()
    worker = new_worker(env, FakeEngine(work))
    worker.start()
    eventually(lambda: env.current(conversion).percent == 95.0)
    (use,) = worker._sharing._uses

    use.must_yield = True

    eventually(lambda: env.current(conversion).status == "completed")
    worker.stop()
    assert env.current(conversion).yielded == 1
