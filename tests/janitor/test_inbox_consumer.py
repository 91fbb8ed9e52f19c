"""Test the loop that consumes the inbox, and that no fault ends it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event as StopEvent

import pytest

from libs.core.adapters.memory import MemoryInbox
from libs.core.background import retry_forever
from libs.core.domain.events import Event, FileUploaded
from libs.core.errors import StorageUnavailable
from libs.core.ports.inbox import Message
from services.janitor.inbox_consumer import ConsumeInbox
from tests.fakes import FakeClock
from tests.fault_injection import eventually, fail_calls, record_calls


@contextmanager
def consuming(consume: ConsumeInbox) -> Iterator[StopEvent]:
    stop = StopEvent()
    thread = threading.Thread(target=retry_forever(consume, first_retry=0.001), args=(stop,))
    thread.start()
    yield stop
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


class FakeInbox(MemoryInbox):
    """Record calls, and fail as often as it is told to."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(visibility=30, max_receives=3, clock=clock)
        self.failures = 0
        self.received = 0
        self.hidden: list[float] = []

    def receive(self, limit: int, wait: float) -> Sequence[Message]:
        if self.failures:
            self.failures -= 1
            raise StorageUnavailable("Away.", retry_after=2)
        found = super().receive(limit, wait)
        self.received += len(found)
        return found

    def hide(self, message: Message, seconds: float) -> None:
        self.hidden.append(seconds)
        super().hide(message, seconds)

    @property
    def empty(self) -> bool:
        return not self._messages


@pytest.fixture
def inbox(clock: FakeClock) -> FakeInbox:
    return FakeInbox(clock)


def uploaded(number: int) -> FileUploaded:
    """Return an event that differs from those of other numbers."""
    return FileUploaded(f"upl_{number}")


def accept(messages: Sequence[Message]) -> Sequence[Message]:
    """Say that all messages are done."""
    return messages


def test_messages_that_are_done_are_deleted_together(inbox: FakeInbox) -> None:
    for number in range(10):
        inbox.send(uploaded(number))
    deletions = record_calls(inbox, "delete_many")
    batches: list[int] = []

    def handle(messages: Sequence[Message]) -> Sequence[Message]:
        batches.append(len(messages))
        return messages

    ConsumeInbox(inbox, handle, wait=0)(StopEvent())

    assert inbox.empty
    assert batches == [10]
    assert deletions == ["delete_many"]


def test_a_message_that_is_not_done_comes_again_and_ends_with_the_dead(
    inbox: FakeInbox, clock: FakeClock
) -> None:
    inbox.send(uploaded(1))
    seen: list[int] = []

    def refuse(messages: Sequence[Message]) -> Sequence[Message]:
        seen.extend(message.receive_count for message in messages)
        clock.advance(31)
        return ()

    with consuming(ConsumeInbox(inbox, refuse, wait=0.01)):
        eventually(lambda: inbox.dead_letters == [(uploaded(1),)])
    assert seen == [1, 2, 3]


def test_a_message_that_raises_stays_alone_and_the_others_are_done(inbox: FakeInbox) -> None:
    for number in range(5):
        inbox.send(uploaded(number))
    done: list[Event] = []

    def handle(messages: Sequence[Message]) -> Sequence[Message]:
        for message in messages:
            if message.events == (uploaded(2),):
                raise RuntimeError("a fault of ours")
        done.extend(message.events[0] for message in messages)
        return messages

    ConsumeInbox(inbox, handle, wait=0)(StopEvent())

    assert done == [uploaded(number) for number in (0, 1, 3, 4)]
    assert not inbox.empty


def test_messages_stay_while_the_storage_is_unavailable(inbox: FakeInbox, clock: FakeClock) -> None:
    inbox.send(uploaded(1))
    failures = [StorageUnavailable("Unavailable.", retry_after=2)]

    def handle(messages: Sequence[Message]) -> Sequence[Message]:
        if failures:
            clock.advance(31)
            raise failures.pop()
        return messages

    with consuming(ConsumeInbox(inbox, handle, wait=0.01)):
        eventually(lambda: inbox.empty)


def test_an_unreadable_message_is_left_for_the_dead_letter_queue(
    inbox: FakeInbox, clock: FakeClock
) -> None:
    inbox.send(readable=False)
    handled: list[Message] = []

    def handle(messages: Sequence[Message]) -> Sequence[Message]:
        handled.extend(messages)
        return messages

    consume = ConsumeInbox(inbox, handle, wait=0)
    for _ in range(4):
        consume(StopEvent())
        clock.advance(31)

    assert (handled, inbox.dead_letters) == ([], [()])


def test_an_inbox_that_does_not_answer_is_tried_again(inbox: FakeInbox) -> None:
    inbox.failures = 3
    inbox.send(uploaded(1))

    with consuming(ConsumeInbox(inbox, accept, wait=0.01)):
        eventually(lambda: inbox.empty)


def test_an_unexpected_error_does_not_end_the_loop(
    inbox: FakeInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_calls(inbox, "receive", error=KeyError("Messages"))
    inbox.send(uploaded(1))

    with consuming(ConsumeInbox(inbox, accept, wait=0.01)):
        eventually(lambda: inbox.empty)


def test_messages_received_while_it_stops_are_returned(inbox: FakeInbox) -> None:
    for number in range(3):
        inbox.send(uploaded(number))
    stop = StopEvent()
    stop.set()

    ConsumeInbox(inbox, accept, wait=0)(stop)

    assert len(inbox.receive(10, 0)) == 3
