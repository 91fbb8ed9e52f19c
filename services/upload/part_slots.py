"""Limit the parts in memory, so that slow senders do not block others."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from operator import attrgetter

import anyio

from libs.core.errors import RateLimited

MIN_RATE = 64 * 1024
"""Bytes a second. A sender below this rate is slow, and may lose its slot, unless that is among the
older half of all slots."""
STALLED_RATE = 1024
"""Bytes a second. A sender below this rate has stalled, and may lose any slot."""
GRACE_PERIOD = 1.0
"""Seconds of waiting for a sender after which its rate is known. A fast sender is done with its
part by then. Any other may lose a slot that its session or address holds beyond its share."""
EVICT_EVERY = 0.25
"""Seconds between two evictions of slow senders while requests wait."""
LEFT_FOR_OTHERS = 1 / 8
"""Share of the slots that no address takes, so that others need not wait for an eviction."""
RETRY_AFTER = 30
"""Seconds after which a slow sender may try again."""


class PartSlot:
    """Measure how fast one part arrives.

    `owner` is the session that sends it, and `address` that of the client.
    """

    def __init__(self, owner: str, address: str) -> None:
        self.owner = owner
        self.address = address
        self.is_evicted = False
        self.granted = anyio.Event()
        self._bytes = 0
        self._waited = 0.0
        self._waiting_since: float | None = None
        self._scope: anyio.CancelScope | None = None

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Wait for bytes of the sender inside this block; only that time counts for its rate.

        Raises:
            RateLimited: The slot was given to another sender.
        """
        with anyio.CancelScope() as self._scope:
            if self.is_evicted:
                self._scope.cancel()
            self._waiting_since = _now()
            try:
                yield
            finally:
                self._waited, self._waiting_since = self.waited, None
        self._scope = None
        if self.is_evicted:
            raise RateLimited(
                "This part arrives slowly while others wait. Please send it again later.",
                retry_after=RETRY_AFTER,
            )

    def add_bytes(self, count: int) -> None:
        """Count bytes that have arrived."""
        self._bytes += count

    def evict(self) -> None:
        """End the request that holds the slot, as soon as it waits for bytes."""
        self.is_evicted = True
        if self._scope is not None:
            self._scope.cancel()

    @property
    def waited(self) -> float:
        """Return the seconds that were spent waiting for bytes."""
        since = self._waiting_since
        return self._waited + (0.0 if since is None else _now() - since)

    @property
    def rate(self) -> float:
        """Return bytes a second; infinite while it is too early to tell."""
        return float("inf") if self.is_new else self._bytes / self.waited

    @property
    def is_new(self) -> bool:
        """Return True while it is too early to tell the rate."""
        return self.waited <= GRACE_PERIOD


class PartSlots:
    """Give a slot to each part that comes through the service.

    A slow sender loses its slot only while another request waits for one. In the older half of the
    slots, only senders that have stalled lose them, so that slow ones finish in the end. A free
    slot goes to the address that holds the fewest, and within it to the session that holds the
    fewest. `LEFT_FOR_OTHERS` keeps some slots from each address. While others wait, an address or a
    session keeps no more slots than its share for longer than `GRACE_PERIOD`. Only the event loop's
    thread uses this.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._count_of_address = count - int(count * LEFT_FOR_OTHERS)
        self._held: list[PartSlot] = []  # the oldest first
        self._queue: list[PartSlot] = []
        self._next_eviction: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def acquire(self, owner: str, address: str) -> AsyncIterator[PartSlot]:
        """Wait for a slot, and hold it for the length of the `async with` block."""
        slot = PartSlot(owner, address)
        self._queue.append(slot)
        try:
            self._grant()
            self._schedule_eviction()
            await slot.granted.wait()
            yield slot
        finally:
            (self._held if slot in self._held else self._queue).remove(slot)
            self._grant()

    @property
    def _is_any_free(self) -> bool:
        return len(self._held) < self._count

    def _grant(self) -> None:
        while self._queue and self._is_any_free:
            of_address = Counter(map(attrgetter("address"), self._held))
            of_owner = Counter(map(attrgetter("owner"), self._held))
            # The first of equals: `min` keeps the order of the queue.
            following = min(
                self._queue, key=lambda slot: (of_address[slot.address], of_owner[slot.owner])
            )
            if of_address[following.address] >= self._count_of_address:
                return  # this is the address that holds the fewest
            self._queue.remove(following)
            self._held.append(following)
            following.granted.set()

    def _schedule_eviction(self) -> None:
        """Evict slow senders soon, and again while requests wait. One timer serves all of them."""
        if self._queue and self._next_eviction is None:
            loop = asyncio.get_running_loop()
            self._next_eviction = loop.call_later(EVICT_EVERY, self._evict_and_schedule)

    def _evict_and_schedule(self) -> None:
        self._next_eviction = None
        try:
            self._evict_slow()
        finally:
            self._schedule_eviction()

    def _evict_slow(self) -> None:
        """Evict as many slots as requests wait for, the slowest first."""
        missing = len(self._queue) - sum(slot.is_evicted for slot in self._held)
        if missing <= 0:
            return
        beyond_share = self._beyond_shares()
        protected = self._count // 2
        # While slots are free, only addresses that may hold no more wait: for their own slots.
        only_of = {slot.address for slot in self._queue} if self._is_any_free else None
        slow = [
            slot
            for position, slot in enumerate(self._held)
            if not slot.is_evicted
            and (only_of is None or slot.address in only_of)
            and slot.rate < (STALLED_RATE if position < protected else MIN_RATE)
        ]
        slow += [slot for slot in beyond_share if slot not in slow and not slot.is_new]
        for slot in sorted(slow, key=lambda slot: slot.rate)[:missing]:
            slot.evict()

    def _beyond_shares(self) -> list[PartSlot]:
        """Return the slots that addresses, or else sessions, hold beyond their share.

        All slots are shared equally between addresses, and the slots that an address holds between
        its sessions. Sessions of different addresses are not compared, because anyone can make as
        many sessions as they like.
        """
        if found := _beyond_share(self._held, self._queue, self._count, attrgetter("address")):
            return found
        waiting = defaultdict[str, list[PartSlot]](list)
        for slot in self._queue:
            waiting[slot.address].append(slot)
        for address in waiting.keys() & {slot.address for slot in self._held}:
            held = [slot for slot in self._held if slot.address == address]
            found += _beyond_share(held, waiting[address], len(held), attrgetter("owner"))
        return found


def _beyond_share(
    slots: Sequence[PartSlot],
    waiting: Sequence[PartSlot],
    count: int,
    client: Callable[[PartSlot], str],
) -> list[PartSlot]:
    """Return the slots that clients hold beyond an equal share of `count`, the slowest first.

    No more slots are returned than waiting clients lack. A client lacks a slot for each request of
    it that waits, up to the number that it holds less than its share.

    Args:
        slots: The slots that are held.
        waiting: The requests that wait for a slot.
        count: The number of slots to share.
        client: Returns who shares: the address or the session of a slot.
    """
    held = Counter(map(client, slots))
    wanted = Counter(map(client, waiting))
    share = max(1, count // max(1, len(held.keys() | wanted.keys())))
    lacking = sum(
        min(number, share - held[name]) for name, number in wanted.items() if held[name] < share
    )
    found: list[PartSlot] = []
    for name, number in held.items():
        own = [slot for slot in slots if client(slot) == name]
        # Evicted slots come first, because they already are part of the surplus.
        own.sort(key=lambda slot: (not slot.is_evicted, slot.rate))
        found += [slot for slot in own[: max(0, number - share)] if not slot.is_evicted]
    return sorted(found, key=lambda slot: slot.rate)[:lacking]


def _now() -> float:
    # Not `anyio.current_time`: it fails in callbacks of the event loop, which are in no task.
    return asyncio.get_running_loop().time()
