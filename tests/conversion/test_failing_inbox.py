"""An inbox that does not take what the worker tells it of the message whose conversion it runs (FAULTS.md, rows 20 and 22)."""

import pytest

from tests.conversion.support import LEASE, World
from tests.conversion.test_worker import HeldEngine, Slots, engine, messages, slots, status, told
from tests.fault_injection import eventually, fail_calls

__all__ = ["engine", "slots"]


@pytest.mark.parametrize("after", [False, True], ids=["call lost", "reply lost"])
def test_a_message_that_could_not_be_deleted_comes_back_finds_the_end_and_goes(
    world: World, slots: Slots, engine: HeldEngine, after: bool
) -> None:
    conversion, another = world.queued(), world.queued("ben")
    engine.go.set()
    failed = fail_calls(world.inbox, "delete", 1, after=after)
    slots(3)
    told(world, conversion)
    eventually(lambda: failed)
    done = world.now(conversion)

    world.clock.advance(LEASE + 1)
    told(world, another)

    eventually(lambda: status(world, another) == "completed" and not messages(world))
    assert (done.status, done.attempts) == ("completed", 1)
    assert world.now(conversion) == done
    assert not world.inbox.dead_letters


def test_a_message_that_could_not_be_hidden_costs_its_conversion_nothing(
    world: World, slots: Slots, engine: HeldEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.conversion.worker.attempt.REPORT_EVERY", 0.01)
    conversion = world.queued()
    failed = fail_calls(world.inbox, "hide", 5)
    slots(lease=0.03)  # of which each third hides it again
    told(world, conversion)

    eventually(lambda: len(failed) == 5)
    engine.go.set()

    eventually(lambda: not messages(world))
    done = world.now(conversion)
    assert (done.status, done.attempts, len(engine.jobs)) == ("completed", 1, 1)
