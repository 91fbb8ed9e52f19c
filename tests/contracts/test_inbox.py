"""Test the contract of Inbox. Visibility is a second or two: SQS has a clock of its own."""

import threading
import time

import pytest

from libs.core.domain.events import FileUploaded
from libs.core.domain.ids import new_id
from libs.core.ports.inbox import Message
from tests.contracts.backend import Backend, InboxHarness


@pytest.fixture
def harness(backend: Backend) -> InboxHarness:
    return backend.harness(visibility=1)


@pytest.fixture
def event() -> FileUploaded:
    return FileUploaded(new_id("upload"))


def test_a_message_arrives_with_its_event(harness: InboxHarness, event: FileUploaded) -> None:
    harness.send(event)

    [message] = harness.inbox.receive(10, 1)

    assert (message.events, message.readable, message.receive_count) == ((event,), True, 1)


def test_an_empty_inbox_returns_no_message(harness: InboxHarness) -> None:
    assert list(harness.inbox.receive(10, 0)) == []


def test_receive_returns_no_more_than_the_limit(harness: InboxHarness) -> None:
    events = {FileUploaded(new_id("upload")) for _ in range(5)}
    for event in events:
        harness.send(event)

    batches = [harness.inbox.receive(2, 1) for _ in range(5)]

    assert max(map(len, batches)) <= 2
    assert {event for batch in batches for message in batch for event in message.events} == events


def test_receive_waits_for_the_first_message(harness: InboxHarness, event: FileUploaded) -> None:
    later = threading.Timer(0.5, harness.send, [event])
    later.start()
    began = time.monotonic()

    messages = harness.inbox.receive(10, 10)

    later.join()
    assert [message.events for message in messages] == [(event,)]
    assert time.monotonic() - began < 9


def test_a_message_comes_again_after_its_visibility_timeout(
    harness: InboxHarness, event: FileUploaded
) -> None:
    harness.send(event)
    harness.inbox.receive(1, 1)
    assert list(harness.inbox.receive(1, 0)) == []

    harness.wait(1.2)

    [again] = harness.inbox.receive(1, 1)
    assert (again.events, again.receive_count) == ((event,), 2)


def test_a_deleted_message_does_not_come_again(harness: InboxHarness, event: FileUploaded) -> None:
    harness.send(event)
    [message] = harness.inbox.receive(1, 1)

    harness.inbox.delete(message)
    harness.wait(1.2)

    assert list(harness.inbox.receive(1, 0)) == []


def test_deleting_twice_does_no_harm(harness: InboxHarness, event: FileUploaded) -> None:
    harness.send(event)
    [message] = harness.inbox.receive(1, 1)

    harness.inbox.delete(message)
    harness.inbox.delete(message)


def test_an_old_receipt_does_no_harm(harness: InboxHarness, event: FileUploaded) -> None:
    harness.send(event)
    [old] = harness.inbox.receive(1, 1)
    harness.wait(1.2)
    [new] = harness.inbox.receive(1, 1)

    harness.inbox.hide(old, 0)
    harness.inbox.delete(old)
    harness.inbox.delete(new)
    harness.inbox.hide(new, 0)

    harness.wait(1.2)
    assert list(harness.inbox.receive(1, 0)) == []


def test_a_longer_visibility_timeout_hides_the_message(
    harness: InboxHarness, event: FileUploaded
) -> None:
    harness.send(event)
    [message] = harness.inbox.receive(1, 1)

    harness.inbox.hide(message, 30)
    harness.wait(1.2)

    assert list(harness.inbox.receive(1, 0)) == []


def test_a_visibility_timeout_of_0_releases_the_message(
    backend: Backend, event: FileUploaded
) -> None:
    harness = backend.harness(visibility=60)
    harness.send(event)
    [message] = harness.inbox.receive(1, 1)

    harness.inbox.hide(message, 0)

    [again] = harness.inbox.receive(1, 1)
    assert (again.events, again.receive_count) == ((event,), 2)


def test_an_invalid_body_is_unreadable_and_has_no_events(harness: InboxHarness) -> None:
    harness.send_unreadable()

    [message] = harness.inbox.receive(1, 1)

    assert (message.readable, message.events) == (False, ())


def test_a_message_that_is_never_deleted_reaches_the_dead_letter_queue(backend: Backend) -> None:
    harness = backend.harness(visibility=60, max_receives=2)
    harness.send_unreadable()
    for _ in range(2):
        [message] = harness.inbox.receive(1, 1)
        harness.inbox.hide(message, 0)

    assert list(harness.inbox.receive(1, 0)) == []
    assert harness.dead_letters() == 1


def test_messages_that_were_deleted_together_do_not_come_again(harness: InboxHarness) -> None:
    events = [FileUploaded(new_id("upload")) for _ in range(4)]
    for event in events:
        harness.send(event)
    received: list[Message] = []
    while len(received) < 4:
        received += harness.inbox.receive(10, 1)
    keep = received[0]

    harness.inbox.delete_many(received[1:])
    harness.inbox.delete_many(received[1:])  # an earlier receipt raises nothing

    harness.inbox.hide(keep, 0)
    again = harness.inbox.receive(10, 2)
    assert [message.events for message in again] == [keep.events]
