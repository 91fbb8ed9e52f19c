"""Test how the messages of one receive are handled together."""

import pytest

from libs.core.domain.events import FileUploaded
from libs.core.errors import StorageUnavailable
from tests.conversion.support import ConversionEnvironment, FakeEngine
from tests.conversion.worker.support import count_messages, new_worker
from tests.fault_injection import fail_calls, record_calls


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
