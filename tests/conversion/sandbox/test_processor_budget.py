"""Test how much of the worker's processor time one sandboxed process may take."""

from services.conversion.sandbox.processor_budget import ProcessorBudget


class Clock:
    """Stand in for the clock."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_long_log_is_read_without_a_pause() -> None:
    assert ProcessorBudget(burst=5, share=0.25).spend(5) == 0


def test_an_endless_log_takes_its_share_of_a_processor_only() -> None:
    clock = Clock()
    budget = ProcessorBudget(5, 0.25, clock)

    used = 0.0
    while clock.now < 1000:
        used += 0.01
        clock.now += 0.01
        clock.now += budget.spend(0.01)

    assert 250 < used < 256


def test_a_quiet_hour_saves_up_no_more_than_the_burst() -> None:
    clock = Clock()
    budget = ProcessorBudget(5, 0.25, clock)

    clock.now += 3600

    assert budget.spend(5) == 0
    assert budget.spend(1) == 1 / 0.25
