"""Test the loop that consumes the inbox, and that no fault ends it."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event as StopEvent

import pytest

from libs.core.adapters.memory import MemoryInbox
from libs.core.background import retry_forever
from libs.core.domain.events import FileUploaded
from libs.core.errors import StorageUnavailable
from libs.core.ports.inbox import Message
from services.janitor.inbox_consumer import ConsumeInbox
from tests.fakes import FakeClock
from tests.fault_injection import eventually


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


def arrived(number: int) -> FileUploaded:
    return FileUploaded(f"upl_{number}")


def test_a_message_that_is_done_is_deleted(inbox: FakeInbox) -> None:
    inbox.send(arrived(1))

    with consuming(ConsumeInbox(inbox, lambda message: True, wait=0.01)):
        eventually(lambda: inbox.empty)


def test_a_message_that_is_not_done_comes_again_and_ends_with_the_dead(
    inbox: FakeInbox, clock: FakeClock
) -> None:
    inbox.send(arrived(1))
    seen: list[int] = []

    def refuse(message: Message) -> bool:
        seen.append(message.receive_count)
        clock.advance(31)
        return False

    with consuming(ConsumeInbox(inbox, refuse, wait=0.01)):
        eventually(lambda: inbox.dead_letters == [(arrived(1),)])
    assert seen == [1, 2, 3]


@pytest.mark.parametrize(
    "error", [StorageUnavailable("Away.", retry_after=2), RuntimeError("a fault of ours")]
)
def test_a_message_whose_handling_fails_stays_and_the_others_are_done(
    inbox: FakeInbox, error: Exception
) -> None:
    for number in range(5):
        inbox.send(arrived(number))
    done: list[object] = []

    def handle(message: Message) -> bool:
        if message.events == (arrived(2),):
            raise error
        done.append(message.events[0])
        return True

    with consuming(ConsumeInbox(inbox, handle, wait=0.01)):
        eventually(lambda: len(done) == 4)
    assert not inbox.empty


def test_a_message_that_makes_no_sense_is_left_alone(inbox: FakeInbox, clock: FakeClock) -> None:
    inbox.send(readable=False)
    handled: list[Message] = []

    def handle(message: Message) -> bool:
        handled.append(message)
        return True

    consume = ConsumeInbox(inbox, handle, wait=0)
    for _ in range(4):
        consume(StopEvent())
        clock.advance(31)

    assert (handled, inbox.dead_letters) == ([], [()])


def test_a_message_of_no_events_is_handled_and_deleted(inbox: FakeInbox) -> None:
    inbox.send()
    ConsumeInbox(inbox, lambda message: True, wait=0)(StopEvent())

    assert inbox.empty


def test_an_inbox_out_of_reach_is_tried_again(inbox: FakeInbox) -> None:
    inbox.failures = 3
    inbox.send(arrived(1))

    with consuming(ConsumeInbox(inbox, lambda message: True, wait=0.01)):
        eventually(lambda: inbox.empty)


def test_an_error_that_nobody_thought_of_does_not_end_it(
    inbox: FakeInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = inbox.receive
    calls: list[int] = []

    def once_broken(limit: int, wait: float) -> Sequence[Message]:
        calls.append(limit)
        if len(calls) == 1:
            raise KeyError("Messages")
        return receive(limit, wait)

    monkeypatch.setattr(inbox, "receive", once_broken)
    inbox.send(arrived(1))

    with consuming(ConsumeInbox(inbox, lambda message: True, wait=0.01)):
        eventually(lambda: inbox.empty)


def test_what_was_received_but_not_begun_is_handed_back_when_it_stops(inbox: FakeInbox) -> None:
    for number in range(3):
        inbox.send(arrived(number))
    stop = StopEvent()
    done: list[Message] = []

    def handle(message: Message) -> bool:
        done.append(message)
        stop.set()
        return True

    ConsumeInbox(inbox, handle, wait=0)(stop)

    assert len(done) == 1
    assert len(inbox.receive(10, 0)) == 2


def test_a_message_that_had_to_wait_for_others_has_its_whole_time(
    inbox: FakeInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    for number in range(2):
        inbox.send(arrived(number))

    def slow(message: Message) -> bool:
        now[0] += 15
        return True

    ConsumeInbox(inbox, slow, visibility=30, wait=0)(StopEvent())

    assert inbox.hidden == [30]
