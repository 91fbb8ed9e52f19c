"""Inbox, sentence by sentence. Visibility is a second or two, since SQS has a clock of its own."""

import threading
import time

import pytest

from libs.core.domain.events import FileUploaded
from libs.core.domain.ids import new_id
from tests.contracts.backends import Backend, Post


@pytest.fixture
def post(backend: Backend) -> Post:
    return backend.post(visibility=1)


@pytest.fixture
def event() -> FileUploaded:
    return FileUploaded(new_id("upload"))


def test_a_message_arrives_with_its_event(post: Post, event: FileUploaded) -> None:
    post.send(event)

    [message] = post.inbox.receive(10, 1)

    assert (message.events, message.readable, message.receive_count) == ((event,), True, 1)


def test_an_empty_inbox_gives_nothing(post: Post) -> None:
    assert list(post.inbox.receive(10, 0)) == []


def test_no_more_than_the_limit_at_a_time(post: Post) -> None:
    events = {FileUploaded(new_id("upload")) for _ in range(5)}
    for event in events:
        post.send(event)

    batches = [post.inbox.receive(2, 1) for _ in range(5)]

    assert max(map(len, batches)) <= 2
    assert {event for batch in batches for message in batch for event in message.events} == events


def test_receive_waits_for_the_first(post: Post, event: FileUploaded) -> None:
    later = threading.Timer(0.5, post.send, [event])
    later.start()
    began = time.monotonic()

    messages = post.inbox.receive(10, 10)

    later.join()
    assert [message.events for message in messages] == [(event,)]
    assert time.monotonic() - began < 9


def test_a_received_message_is_hidden_and_comes_again_after_the_timeout(
    post: Post, event: FileUploaded
) -> None:
    post.send(event)
    post.inbox.receive(1, 1)
    assert list(post.inbox.receive(1, 0)) == []

    post.wait(1.2)

    [again] = post.inbox.receive(1, 1)
    assert (again.events, again.receive_count) == ((event,), 2)


def test_a_deleted_message_does_not_come_again(post: Post, event: FileUploaded) -> None:
    post.send(event)
    [message] = post.inbox.receive(1, 1)

    post.inbox.delete(message)
    post.wait(1.2)

    assert list(post.inbox.receive(1, 0)) == []


def test_deleting_twice_does_no_harm(post: Post, event: FileUploaded) -> None:
    post.send(event)
    [message] = post.inbox.receive(1, 1)

    post.inbox.delete(message)
    post.inbox.delete(message)


def test_an_old_receipt_does_no_harm(post: Post, event: FileUploaded) -> None:
    post.send(event)
    [old] = post.inbox.receive(1, 1)
    post.wait(1.2)
    [new] = post.inbox.receive(1, 1)

    post.inbox.hide(old, 0)
    post.inbox.delete(old)
    post.inbox.delete(new)
    post.inbox.hide(new, 0)

    post.wait(1.2)
    assert list(post.inbox.receive(1, 0)) == []


def test_hiding_for_longer_keeps_it_from_others(post: Post, event: FileUploaded) -> None:
    post.send(event)
    [message] = post.inbox.receive(1, 1)

    post.inbox.hide(message, 30)
    post.wait(1.2)

    assert list(post.inbox.receive(1, 0)) == []


def test_hiding_for_0_seconds_hands_it_back(backend: Backend, event: FileUploaded) -> None:
    post = backend.post(visibility=60)
    post.send(event)
    [message] = post.inbox.receive(1, 1)

    post.inbox.hide(message, 0)

    [again] = post.inbox.receive(1, 1)
    assert (again.events, again.receive_count) == ((event,), 2)


def test_a_body_that_makes_no_sense_is_unreadable_and_says_nothing(post: Post) -> None:
    post.send_nonsense()

    [message] = post.inbox.receive(1, 1)

    assert (message.readable, message.events) == (False, ())


def test_a_message_left_alone_ends_in_the_dead_letter_queue(backend: Backend) -> None:
    post = backend.post(visibility=60, max_receives=2)
    post.send_nonsense()
    for _ in range(2):
        [message] = post.inbox.receive(1, 1)
        post.inbox.hide(message, 0)

    assert list(post.inbox.receive(1, 0)) == []
    assert post.dead_letters() == 1
