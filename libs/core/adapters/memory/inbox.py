"""Keep messages in memory, with SQS's visibility timeout by an injected clock."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from libs.core.domain.events import Event
from libs.core.ports.inbox import Inbox, Message

POLL_INTERVAL = 0.02
"""Seconds between two checks while waiting. The clock cannot wake a waiting thread."""


@dataclass(eq=False)
class _Stored:
    events: tuple[Event, ...]
    readable: bool
    visible_at: float
    receive_count: int = 0
    receipt: str = ""


class MemoryInbox(Inbox):
    """Deliver messages in order. After `max_receives` deliveries they move to `dead_letters`."""

    def __init__(
        self, visibility: float = 30, max_receives: int = 20, clock: Callable[[], float] = time.time
    ) -> None:
        self._visibility = visibility
        self._max_receives = max_receives
        self._clock = clock
        self._lock = threading.Lock()
        self._serial = count(1)
        self._messages: list[_Stored] = []
        self.dead_letters: list[tuple[Event, ...]] = []

    def send(self, *events: Event, readable: bool = True) -> None:
        """Send a message, as S3 and the topic do."""
        with self._lock:
            self._messages.append(_Stored(events, readable, self._clock()))

    def receive(self, limit: int, wait: float) -> Sequence[Message]:
        deadline = time.monotonic() + wait
        while True:
            messages = self._take(limit)
            if messages or time.monotonic() >= deadline:
                return messages
            time.sleep(POLL_INTERVAL)

    def delete(self, message: Message) -> None:
        with self._lock:
            self._messages = [
                stored for stored in self._messages if stored.receipt != message.receipt
            ]

    def hide(self, message: Message, seconds: float) -> None:
        with self._lock:
            for stored in self._messages:
                if stored.receipt == message.receipt:
                    stored.visible_at = self._clock() + seconds

    def delete_many(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self.delete(message)

    def _take(self, limit: int) -> Sequence[Message]:
        with self._lock:
            visible = [stored for stored in self._messages if stored.visible_at <= self._clock()]
            dead = [stored for stored in visible if stored.receive_count >= self._max_receives]
            self.dead_letters += [stored.events for stored in dead]
            self._messages = [stored for stored in self._messages if stored not in dead]
            alive = [stored for stored in visible if stored not in dead]
            return [self._deliver(stored) for stored in alive[:limit]]

    def _deliver(self, stored: _Stored) -> Message:
        stored.receive_count += 1
        stored.receipt = f"receipt-{next(self._serial)}"
        stored.visible_at = self._clock() + self._visibility
        return Message(stored.events, stored.readable, stored.receipt, stored.receive_count)
