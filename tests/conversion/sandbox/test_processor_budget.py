"""Test how much of the worker's processor time sandboxed processes may take."""

from services.conversion.sandbox.processor_budget import ProcessorBudget, SharedBurst


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
    assert ProcessorBudget(burst=SharedBurst(10)).spend(5) == 0


def test_an_endless_log_takes_its_share_of_a_processor_only() -> None:
    clock = Clock()
    budget = ProcessorBudget(0.25, SharedBurst(5, 0.0, clock), clock)

    assert 250 < use_all(budget, clock, 1000) < 256


def test_processes_one_after_another_have_one_burst() -> None:
    """A conversion of hostile code that ends after two seconds is followed by the next one."""
    clock = Clock()
    burst = SharedBurst(5, 0.1, clock)

    used = sum(use_all(ProcessorBudget(0.25, burst, clock), clock, 2) for _ in range(500))

    assert 350 < used < 365


def test_a_process_that_takes_less_than_its_share_waits_for_nothing() -> None:
    """The burst of the worker is used up by others."""
    clock = Clock()
    budget = ProcessorBudget(0.25, SharedBurst(0, 0.0, clock), clock)

    for _ in range(1000):
        clock.now += 0.05
        assert budget.spend(0.01) == 0


def test_a_quiet_hour_saves_up_a_moment_only() -> None:
    clock = Clock()
    burst = SharedBurst(5, 0.1, clock)
    budget = ProcessorBudget(0.25, burst, clock)

    clock.now += 3600

    assert budget.spend(5) == 0
    assert budget.spend(1) > 3
