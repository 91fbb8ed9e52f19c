"""Test the slots, which messages and the table fill, and loops that outlive faults."""

import pytest

from libs.core.domain.events import FileUploaded
from tests.conversion.support import LEASE, ConversionEnvironment
from tests.conversion.worker.support import (
    HeldEngine,
    StartWorker,
    announce,
    count_messages,
    new_worker,
    status,
)
from tests.fault_injection import eventually, fail_calls, record_calls


def test_a_message_starts_a_conversion_and_is_deleted_at_its_end(
    env: ConversionEnvironment, start_worker: StartWorker, engine: HeldEngine
) -> None:
    conversion = env.add_queued()
    start_worker()
    announce(env, conversion)

    eventually(lambda: status(env, conversion) == "converting")
    assert count_messages(env) == 1
    engine.go.set()

    eventually(lambda: status(env, conversion) == "completed")
    eventually(lambda: count_messages(env) == 0)


def test_a_conversion_requested_in_this_process_starts_without_a_message(
    env: ConversionEnvironment, start_worker: StartWorker, engine: HeldEngine
) -> None:
    conversion = env.add_queued()
    worker = start_worker(2)

    worker.wake(conversion.id)
    eventually(lambda: status(env, conversion) == "converting")
    announce(env, conversion)

    eventually(lambda: count_messages(env) == 0)
    assert len(engine.jobs) == 1


def test_nobody_is_woken_who_has_not_begun_or_is_about_to_end(
    env: ConversionEnvironment, start_worker: StartWorker, engine: HeldEngine
) -> None:
    asleep = new_worker(env, engine)
    ended = start_worker()
    ended.stop()

    for worker in (asleep, ended):
        worker.wake(env.add_queued().id)

    assert not asleep.is_busy()
    assert not ended.is_busy()


def test_a_file_that_arrives_starts_what_waits_for_it(
    env: ConversionEnvironment, start_worker: StartWorker
) -> None:
    upload, (conversion,) = env.start_upload()
    env.store_object(upload)
    start_worker()

    env.inbox.send(FileUploaded(upload.id))

    eventually(lambda: status(env, conversion) == "converting")
    eventually(lambda: count_messages(env) == 0)


def test_several_files_in_one_message_all_arrive(
    env: ConversionEnvironment, start_worker: StartWorker
) -> None:
    started = [env.start_upload() for _ in range(3)]
    for upload, _ in started:
        env.store_object(upload)
    start_worker()

    env.inbox.send(*(FileUploaded(upload.id) for upload, _ in started))

    eventually(
        lambda: sorted(status(env, c) for _, (c,) in started) == ["converting", "queued", "queued"]
    )


def test_no_more_run_at_once_than_there_are_slots(
    env: ConversionEnvironment, start_worker: StartWorker, engine: HeldEngine
) -> None:
    queued = [env.add_queued(f"owner-{n}") for n in range(5)]
    start_worker(2)
    announce(env, *queued)

    eventually(lambda: count_messages(env) == len(engine.jobs) == 2)
    assert sorted(status(env, c) for c in queued) == ["converting"] * 2 + ["queued"] * 3


def test_what_found_no_slot_is_taken_from_the_table_when_one_is_free(
    env: ConversionEnvironment, start_worker: StartWorker, engine: HeldEngine
) -> None:
    queued = [env.add_queued(f"owner-{n}") for n in range(5)]
    start_worker(2)
    announce(env, *queued)
    eventually(lambda: len(engine.jobs) == 2)

    engine.go.set()

    eventually(lambda: all(status(env, c) == "completed" for c in queued))


def test_a_message_told_twice_makes_one_conversion(
    env: ConversionEnvironment, start_worker: StartWorker, engine: HeldEngine
) -> None:
    conversion = env.add_queued()
    start_worker(2)
    announce(env, conversion, conversion, conversion)

    eventually(lambda: count_messages(env) == 1)
    engine.go.set()

    eventually(lambda: count_messages(env) == 0)
    assert len(engine.jobs) == 1
    assert env.current(conversion).attempts == 1


def test_a_message_that_comes_back_after_the_end_is_deleted(
    env: ConversionEnvironment, start_worker: StartWorker, engine: HeldEngine
) -> None:
    conversion = env.add_queued()
    env.conversions.cancel(conversion.id, conversion.owner)
    start_worker()

    announce(env, conversion)

    eventually(lambda: count_messages(env) == 0)
    assert not engine.jobs


def test_a_message_about_another_workers_conversion_is_deleted(
    env: ConversionEnvironment, start_worker: StartWorker
) -> None:
    conversion = env.add_queued()
    env.leases.claim(conversion.id, "another", LEASE)
    start_worker()

    announce(env, conversion)

    eventually(lambda: count_messages(env) == 0)
    assert not env.inbox.dead_letters


def test_a_message_that_nobody_can_read_is_left_for_the_dead_letters(
    env: ConversionEnvironment, start_worker: StartWorker
) -> None:
    conversion = env.add_queued()
    start_worker()
    env.inbox.send(readable=False)
    announce(env, conversion)

    eventually(lambda: status(env, conversion) == "converting")
    assert count_messages(env) == 2


def test_a_message_that_cannot_be_handled_holds_up_no_other(
    env: ConversionEnvironment, start_worker: StartWorker
) -> None:
    upload, _ = env.start_upload()
    env.store_object(upload)
    conversion = env.add_queued()
    fail_calls(env.uploads, "mark_uploaded", None, error=ZeroDivisionError())
    env.inbox.send(FileUploaded(upload.id))
    announce(env, conversion)

    start_worker()

    eventually(lambda: status(env, conversion) == "converting")
    assert count_messages(env) == 2


def test_the_message_stays_hidden_as_long_as_its_conversion_runs(
    env: ConversionEnvironment,
    start_worker: StartWorker,
    engine: HeldEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.conversion.worker.progress_writer.REPORT_EVERY", 0.01)
    conversion = env.add_queued()
    hidden = record_calls(env.inbox, "hide")
    start_worker(
        lease=0.03
    )  # a third of it passes between two extensions of the visibility timeout
    announce(env, conversion)

    eventually(lambda: len(hidden) >= 5)
    engine.go.set()

    eventually(lambda: count_messages(env) == 0)


def test_a_conversion_of_which_no_message_tells_is_found_by_polling_the_queue(
    env: ConversionEnvironment, start_worker: StartWorker, engine: HeldEngine
) -> None:
    engine.go.set()
    forgotten, stalled = env.add_queued(), env.add_queued("ben")
    env.leases.claim(stalled.id, "killed", LEASE)
    env.expire_leases()

    start_worker(polls_queue=True, lease=0.15)

    eventually(lambda: {status(env, forgotten), status(env, stalled)} == {"completed"})


def test_the_loops_outlive_any_exception(
    env: ConversionEnvironment, start_worker: StartWorker, engine: HeldEngine
) -> None:
    engine.go.set()
    faults = [
        fail_calls(env.inbox, "receive", 3),
        fail_calls(env.inbox, "receive", 3, error=ZeroDivisionError()),
    ]
    conversion = env.add_queued()
    start_worker()
    announce(env, conversion)

    eventually(lambda: status(env, conversion) == "completed")
    assert [len(failed) for failed in faults] == [3, 3]


def test_a_failing_queue_poll_gives_its_slot_back(
    env: ConversionEnvironment, start_worker: StartWorker, engine: HeldEngine
) -> None:
    """One slot, and more failures than slots: it must be free when the table answers again."""
    engine.go.set()
    failed = fail_calls(env.queue, "in_phase", 4)
    conversion = env.add_queued()

    start_worker(polls_queue=True, lease=0.15)

    eventually(lambda: status(env, conversion) == "completed")
    assert len(failed) == 4


def test_a_failing_recovery_does_not_stop_polling_the_queue(
    env: ConversionEnvironment, start_worker: StartWorker, engine: HeldEngine
) -> None:
    engine.go.set()
    env.start_upload()
    env.clock.advance(1000)
    failed = fail_calls(env.objects, "head", None, error=ZeroDivisionError())
    conversion = env.add_queued()

    start_worker(polls_queue=True, lease=0.15)

    eventually(lambda: status(env, conversion) == "completed")
    eventually(lambda: failed)


@pytest.mark.parametrize("method", ["claim", "publish", "release"])
def test_a_slot_that_fails_is_free_again(
    env: ConversionEnvironment, start_worker: StartWorker, engine: HeldEngine, method: str
) -> None:
    engine.go.set()
    fail_calls(env.leases, method, 8)
    first, second = env.add_queued(), env.add_queued("ben")

    start_worker(polls_queue=True, lease=0.15)

    def both_completed() -> bool:
        env.clock.advance(LEASE)
        return status(env, first) == status(env, second) == "completed"

    eventually(both_completed)


def test_an_event_that_cannot_be_handled_now_comes_again(
    env: ConversionEnvironment, start_worker: StartWorker
) -> None:
    upload, (conversion,) = env.start_upload()
    env.store_object(upload)
    fail_calls(env.uploads, "mark_uploaded")
    start_worker()
    env.inbox.send(FileUploaded(upload.id))

    def started() -> bool:
        env.clock.advance(1)
        return status(env, conversion) == "converting"

    eventually(started)


def test_without_slots_nothing_is_received(
    env: ConversionEnvironment, start_worker: StartWorker
) -> None:
    received = record_calls(env.inbox, "receive")

    start_worker(0).stop()

    assert not received
