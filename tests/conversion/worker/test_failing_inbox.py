"""Test a worker whose inbox does not hide or delete a message (faults 20 and 22)."""

import pytest

from tests.conversion.support import LEASE, ConversionEnvironment
from tests.conversion.worker.support import (
    HeldEngine,
    StartWorker,
    announce,
    count_messages,
    status,
)
from tests.fault_injection import eventually, fail_calls


@pytest.mark.parametrize("after", [False, True], ids=["call lost", "reply lost"])
def test_a_message_that_could_not_be_deleted_comes_back_finds_the_end_and_goes(
    env: ConversionEnvironment, start_worker: StartWorker, engine: HeldEngine, after: bool
) -> None:
    conversion, another = env.add_queued(), env.add_queued("ben")
    engine.go.set()
    failed = fail_calls(env.inbox, "delete", 1, after=after)
    start_worker(3)
    announce(env, conversion)
    eventually(lambda: failed)
    done = env.current(conversion)

    env.clock.advance(LEASE + 1)
    announce(env, another)

    eventually(lambda: status(env, another) == "completed" and not count_messages(env))
    assert (done.status, done.attempts) == ("completed", 1)
    assert env.current(conversion) == done
    assert not env.inbox.dead_letters


def test_a_message_that_could_not_be_hidden_costs_its_conversion_nothing(
    env: ConversionEnvironment,
    start_worker: StartWorker,
    engine: HeldEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.conversion.worker.progress_writer.REPORT_EVERY", 0.01)
    conversion = env.add_queued()
    failed = fail_calls(env.inbox, "hide", 5)
    start_worker(
        lease=0.03
    )  # a third of it passes between two extensions of the visibility timeout
    announce(env, conversion)

    eventually(lambda: len(failed) == 5)
    engine.go.set()

    eventually(lambda: not count_messages(env))
    done = env.current(conversion)
    assert (done.status, done.attempts, len(engine.jobs)) == ("completed", 1, 1)
