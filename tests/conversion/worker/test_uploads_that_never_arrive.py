"""Test that uploads that never arrive cost little, and hold up nobody."""

import threading
from itertools import pairwise
from typing import Any

import pytest
from structlog.testing import capture_logs

from libs.core.domain.conversions import Conversion, Phase
from libs.core.errors import StorageUnavailable
from services.conversion.worker.scheduling import LONGEST_LOOK_PAUSE, LOOKS_AT_ONCE
from tests.conversion.support import LEASE, PATIENCE, ConversionEnvironment
from tests.conversion.worker.support import HeldEngine, StartWorker, status
from tests.fault_injection import eventually, fail_calls, record_calls


def late_uploads(env: ConversionEnvironment, count: int, owner: str = "anna") -> list[Conversion]:
    """Create uploads that do not arrive, and return the conversions that have waited long."""
    waiting = [env.start_upload(owner)[1][0] for _ in range(count)]
    env.clock.advance(PATIENCE + 1)
    return waiting


def arrive(env: ConversionEnvironment, conversion: Conversion) -> None:
    env.store_object(env.uploads.get(conversion.upload_id))


def test_an_upload_is_looked_at_ever_more_rarely(env: ConversionEnvironment) -> None:
    late_uploads(env, 1)
    began = env.clock()
    looks = record_calls(env.objects, "head")
    looked_at: list[float] = []

    while env.clock() - began < 3 * LONGEST_LOOK_PAUSE:
        env.check_awaited_uploads()
        looked_at += [env.clock() - began] * len(looks)
        looks.clear()
        env.clock.advance(PATIENCE / 4)

    pauses = [after - before for before, after in pairwise(looked_at)]
    assert pauses == [120, 240, 480, LONGEST_LOOK_PAUSE, LONGEST_LOOK_PAUSE]


def test_each_call_looks_at_some_and_the_next_one_goes_on(env: ConversionEnvironment) -> None:
    """Each poll looked at all of them, and a takeover waited for a minute."""
    late_uploads(env, 2 * LOOKS_AT_ONCE + 3)
    looks = record_calls(env.objects, "head")
    counts = []

    for _ in range(4):
        env.check_awaited_uploads()
        counts.append(len(looks))
        looks.clear()

    assert counts == [LOOKS_AT_ONCE, LOOKS_AT_ONCE, 3, 0]


def test_a_client_with_many_does_not_keep_others_from_being_looked_at(
    env: ConversionEnvironment,
) -> None:
    late_uploads(env, 3 * LOOKS_AT_ONCE)
    (bystanders,) = late_uploads(env, 1, "ben")
    arrive(env, bystanders)

    env.check_awaited_uploads()

    assert env.current(bystanders).phase is Phase.QUEUED


def test_an_upload_that_arrives_late_is_found_at_a_later_look(env: ConversionEnvironment) -> None:
    (conversion,) = late_uploads(env, 1)
    env.check_awaited_uploads()
    arrive(env, conversion)
    env.clock.advance(PATIENCE)

    env.check_awaited_uploads()

    assert env.current(conversion).phase is Phase.QUEUED


def test_a_look_that_fails_holds_up_no_other(env: ConversionEnvironment) -> None:
    _, second = late_uploads(env, 2)
    arrive(env, second)
    fail_calls(env.objects, "head", error=ZeroDivisionError())

    env.check_awaited_uploads()
    env.clock.advance(PATIENCE)
    env.check_awaited_uploads()

    assert env.current(second).phase is Phase.QUEUED


def test_a_look_that_the_storage_did_not_answer_is_repeated_at_once(
    env: ConversionEnvironment,
) -> None:
    (conversion,) = late_uploads(env, 1)
    arrive(env, conversion)
    fail_calls(env.objects, "head")
    with pytest.raises(StorageUnavailable):
        env.check_awaited_uploads()

    env.check_awaited_uploads()

    assert env.current(conversion).phase is Phase.QUEUED


def test_nothing_is_remembered_of_uploads_for_which_nothing_waits(
    env: ConversionEnvironment,
) -> None:
    waiting = late_uploads(env, 3)
    env.check_awaited_uploads()
    assert len(env.check_awaited_uploads._looks) == 3
    for conversion in waiting:
        env.conversions.cancel(conversion.id, conversion.owner)

    env.check_awaited_uploads()

    assert not env.check_awaited_uploads._looks


def test_looks_at_uploads_that_have_not_arrived_are_no_news(env: ConversionEnvironment) -> None:
    late_uploads(env, 3)

    with capture_logs() as logs:
        env.check_awaited_uploads()

    assert [each["log_level"] for each in logs] == ["debug"] * 3


def test_a_takeover_does_not_wait_for_looks(
    env: ConversionEnvironment, start_worker: StartWorker, engine: HeldEngine
) -> None:
    engine.go.set()
    stalled = env.add_queued("ben")
    env.leases.claim(stalled.id, "killed", LEASE)
    late_uploads(env, 1)
    is_looking, go_on = threading.Event(), threading.Event()
    really: Any = env.objects.head

    def head(key: str) -> Any:
        if key.startswith(f"uploads/{stalled.upload_id}/"):
            return really(key)
        is_looking.set()
        go_on.wait(30)
        return really(key)

    vars(env.objects)["head"] = head
    start_worker(polls_queue=True, lease=0.15)
    assert is_looking.wait(10)
    env.expire_leases()

    try:
        eventually(lambda: status(env, stalled) == "completed")
    finally:
        go_on.set()
