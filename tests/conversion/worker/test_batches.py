"""Test how the messages of one receive are handled together, and those of a full inbox."""

import threading
from typing import Any

import pytest

from libs.core.domain.events import FileUploaded
from libs.core.errors import StorageUnavailable
from services.conversion.worker import loop
from services.conversion.worker.loop import RECEIVED_AT_ONCE
from tests.conversion.support import ConversionEnvironment, FakeEngine
from tests.conversion.worker.support import StartWorker, count_messages, new_worker
from tests.fault_injection import eventually, fail_calls, record_calls


def test_events_of_one_form_that_come_together_are_handled_once(
    env: ConversionEnvironment,
) -> None:
    """Each took two calls, so 300 posts of a form held up the files of others for seconds."""
    form, _ = env.start_upload(waiting=0)
    other, _ = env.start_upload(waiting=0)
    worker = new_worker(env, FakeEngine())
    for upload in (*[form] * 9, other):
        env.store_object(upload)
        env.inbox.send(FileUploaded(upload.id))
    reads = record_calls(env.uploads, "get")
    deletions = record_calls(env.inbox, "delete_many")

    worker.receive(worker._stop)

    assert len(reads) == 2
    assert (deletions, count_messages(env)) == (["delete_many"], 0)


def test_an_event_makes_up_for_the_failed_one_before_it(env: ConversionEnvironment) -> None:
    upload, _ = env.start_upload(waiting=0)
    env.store_object(upload)
    worker = new_worker(env, FakeEngine())
    for _ in range(3):
        env.inbox.send(FileUploaded(upload.id))
    fail_calls(env.uploads, "mark_uploaded", error=ZeroDivisionError())

    worker.receive(worker._stop)

    assert env.uploads.get(upload.id).status == "uploaded"
    assert count_messages(env) == 1, "the failed one comes again"


def test_what_was_handled_before_the_storage_failed_does_not_come_again(
    env: ConversionEnvironment,
) -> None:
    first, second = env.start_upload(waiting=0)[0], env.start_upload(waiting=0)[0]
    env.uploads.mark_uploaded(first.id)
    worker = new_worker(env, FakeEngine())
    for upload in (first, second):
        env.inbox.send(FileUploaded(upload.id))
    fail_calls(env.objects, "head")

    with pytest.raises(StorageUnavailable):
        worker.receive(worker._stop)

    assert [event for stored in env.inbox._messages for event in stored.events] == [
        FileUploaded(second.id)
    ]


def test_a_full_inbox_is_emptied_by_several_threads(
    env: ConversionEnvironment, start_worker: StartWorker
) -> None:
    uploads = [env.start_upload(waiting=0)[0] for _ in range(3 * RECEIVED_AT_ONCE)]
    for upload in uploads:
        env.store_object(upload)
        env.inbox.send(FileUploaded(upload.id))
    really: Any = env.uploads.get
    go_on = threading.Event()

    def get(upload_id: str, owner: str | None = None) -> Any:
        if upload_id == uploads[0].id:
            go_on.wait(30)
        return really(upload_id, owner)

    vars(env.uploads)["get"] = get
    start_worker()

    eventually(lambda: count_messages(env) == RECEIVED_AT_ONCE)
    go_on.set()
    eventually(lambda: count_messages(env) == 0)


@pytest.mark.parametrize(
    ("count", "starts"), [(RECEIVED_AT_ONCE, True), (RECEIVED_AT_ONCE - 1, False)]
)
def test_behind_a_full_inbox_conversions_start_without_their_message(
    env: ConversionEnvironment, count: int, starts: bool
) -> None:
    """Whoever has a form of S3 can fill the inbox with events of it."""
    upload, _ = env.start_upload(waiting=0)
    env.store_object(upload)
    for _ in range(2):
        env.add_queued()
    env.inbox._messages.clear()
    for _ in range(count):
        env.inbox.send(FileUploaded(upload.id))
    worker = new_worker(env, FakeEngine(), slots=2)
    started = record_calls(worker._threads, "start_or_continue")

    worker.receive(worker._stop)
    worker.stop()

    assert len(started) == (2 if starts else 0)


def test_an_inbox_that_is_not_full_is_asked_by_one_thread(
    env: ConversionEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "LONG_POLL", 0.01)
    worker = new_worker(env, FakeEngine())
    upload, _ = env.start_upload(waiting=0)
    env.store_object(upload)
    for _ in range(RECEIVED_AT_ONCE + 1):
        env.inbox.send(FileUploaded(upload.id))
    worker.receive(worker._stop)
    worker.help_receive(worker._stop)
    assert count_messages(env) == 0
    receives = record_calls(env.inbox, "receive")

    worker.help_receive(worker._stop)

    assert receives == []
