"""Test how much of the worker's processor time sandboxed processes may take."""

from contextlib import ExitStack

import pytest

from services.conversion.sandbox.processor_budget import (
    MAX_SHARE,
    MIN_SHARE,
    TOTAL_SHARE,
    ProcessorBudget,
    SharedBudget,
)


class Clock:
    """Stand in for the clock."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def use_all(budget: ProcessorBudget, clock: Clock, seconds: float) -> float:
    """Serve a process that asks without end for so long; return the processor time."""
    end, used = clock.now + seconds, 0.0
    while clock.now < end:
        used += 0.01
        clock.now += 0.01
        clock.now += budget.spend(0.01)
    return used


def test_a_long_log_is_read_without_a_pause() -> None:
    assert ProcessorBudget(SharedBudget(10)).spend(5) == 0


def test_an_endless_log_takes_its_share_of_a_processor_only() -> None:
    clock = Clock()
    budget = ProcessorBudget(SharedBudget(5, 0.0, clock), clock)

    used = use_all(budget, clock, 1000)

    assert MAX_SHARE * 1000 < used < MAX_SHARE * 1000 + 6


def test_processes_one_after_another_have_one_burst() -> None:
    """A conversion of hostile code that ends after two seconds is followed by the next one."""
    clock = Clock()
    shared = SharedBudget(5, 0.1, clock)

    used = sum(use_all(ProcessorBudget(shared, clock), clock, 2) for _ in range(500))

    assert 0.25 * 1000 < used < 0.27 * 1000


@pytest.mark.parametrize(
    ("count", "share"), [(1, MAX_SHARE), (8, TOTAL_SHARE / 8), (100, MIN_SHARE)]
)
def test_many_processes_at_once_share_half_a_processor(count: int, share: float) -> None:
    """Eight slots, of which each runs an endless log, leave others half of the interpreter."""
    clock = Clock()
    shared = SharedBudget(0, 0.0, clock)
    budget = ProcessorBudget(shared, clock)

    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(budget.running())
        used = use_all(budget, clock, 1000)

    assert used == pytest.approx(share * 1000, rel=0.01)
    assert shared.share_of_each() == MAX_SHARE, "they have ended"


def test_a_process_starts_at_once_when_others_have_used_up_the_burst() -> None:
    """To start a program, some 100 calls are answered in 4 ms."""
    clock = Clock()
    budget = ProcessorBudget(SharedBudget(0, 0.0, clock), clock)

    for _ in range(100):
        assert budget.spend(0.00004) == 0


def test_a_process_that_takes_less_than_its_share_waits_for_nothing() -> None:
    """The burst of the worker is used up by others."""
    clock = Clock()
    budget = ProcessorBudget(SharedBudget(0, 0.0, clock), clock)

    for _ in range(1000):
        clock.now += 0.05
        assert budget.spend(0.9 * 0.05 * MAX_SHARE) == 0


def test_a_quiet_hour_saves_up_a_moment_only() -> None:
    clock = Clock()
    budget = ProcessorBudget(SharedBudget(5, 0.1, clock), clock)

    clock.now += 3600

    assert budget.spend(5) == 0
    assert budget.spend(1) > 3
