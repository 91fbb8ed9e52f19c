"""Test that of several instances one follows the stream, and another takes over from it."""

import random
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from libs.core.adapters.memory import MemoryNamedLeases
from libs.core.domain.events import Change
from libs.core.errors import StorageUnavailable
from libs.core.ports.change_feed import ChangeFeed
from services.progress.leased_feed import (
    LEASE_NAME,
    LEASE_SECONDS,
    RENEW_AFTER,
    RETRY_AFTER,
    LeasedChangeFeed,
)
from tests.fakes import FakeClock, a_conversion, an_upload


class CountedFeed(ChangeFeed):
    """Yield one change again and again, and count the readers of the stream."""

    readers = 0

    def __init__(self) -> None:
        upload = an_upload()
        self._change = Change(None, a_conversion(upload))

    def follow(self, stop: threading.Event) -> Iterator[Sequence[Change] | None]:
        CountedFeed.readers += 1
        try:
            while not stop.is_set():
                yield [self._change]
        finally:
            CountedFeed.readers -= 1


class FaultyLeases(MemoryNamedLeases):
    """Fail while `away`."""

    away = False

    def acquire(self, name: str, holder: str, seconds: float) -> bool:
        if self.away:
            raise StorageUnavailable("Away.", retry_after=2)
        return super().acquire(name, holder, seconds)


class Clocked(threading.Event):
    """Let a wait advance the clock, and give up after enough of them."""

    def __init__(self, clock: FakeClock, most: int = 50) -> None:
        super().__init__()
        self._clock = clock
        self._left = most

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.advance(timeout or 0)
        self._left -= 1
        if not self._left:
            self.set()
        return self.is_set()


@pytest.fixture
def leases(clock: FakeClock) -> FaultyLeases:
    CountedFeed.readers = 0
    return FaultyLeases(clock)


@pytest.fixture
def instance(leases: FaultyLeases, clock: FakeClock) -> Callable[[str], Iterator[object]]:
    def start(name: str) -> Iterator[object]:
        return LeasedChangeFeed(CountedFeed, leases, name, clock).follow(Clocked(clock))

    return start


def test_one_instance_follows_and_the_other_waits(
    instance: Callable[[str], Iterator[object]], leases: FaultyLeases
) -> None:
    first = instance("first")
    assert next(first)

    # The clock stands still for the first, so the second would take over at the end of the lease.
    assert not leases.acquire(LEASE_NAME, "second", LEASE_SECONDS)
    assert CountedFeed.readers == 1


def test_another_instance_takes_over_from_one_that_died_within_ten_seconds(
    instance: Callable[[str], Iterator[object]], clock: FakeClock
) -> None:
    first = instance("first")
    next(first)
    died = clock()

    assert next(instance("second"))

    assert LEASE_SECONDS <= clock() - died < 10


def test_another_instance_takes_over_at_once_from_one_that_stops(
    instance: Callable[[str], Iterator[object]], clock: FakeClock
) -> None:
    first = instance("first")
    next(first)
    first.close()  # type: ignore[attr-defined]
    stopped = clock()

    assert next(instance("second"))

    assert clock() - stopped < RETRY_AFTER


def test_a_lease_is_kept_by_renewing_it(
    instance: Callable[[str], Iterator[object]], leases: FaultyLeases, clock: FakeClock
) -> None:
    first = instance("first")

    for _ in range(20):
        assert next(first)
        clock.advance(RENEW_AFTER)
        assert not leases.acquire(LEASE_NAME, "second", LEASE_SECONDS)


def test_an_instance_that_was_frozen_stops_following_and_says_so(
    instance: Callable[[str], Iterator[object]], leases: FaultyLeases, clock: FakeClock
) -> None:
    first = instance("first")
    next(first)
    clock.advance(LEASE_SECONDS)
    assert leases.acquire(LEASE_NAME, "second", LEASE_SECONDS)

    assert next(first) is None
    assert CountedFeed.readers == 0
    assert not leases.acquire(LEASE_NAME, "third", LEASE_SECONDS)


def test_a_table_that_is_away_ends_the_lease_only_with_its_time(
    instance: Callable[[str], Iterator[object]], leases: FaultyLeases, clock: FakeClock
) -> None:
    first = instance("first")
    next(first)
    leases.away = True

    clock.advance(LEASE_SECONDS - 1)
    assert next(first)
    clock.advance(2)

    assert next(first) is None


@pytest.mark.parametrize("seed", range(20))
def test_never_do_two_instances_follow_whatever_dies_when(
    instance: Callable[[str], Iterator[object]], clock: FakeClock, seed: int
) -> None:
    rng = random.Random(seed)
    running = instance("0")
    dead: list[Iterator[object]] = []
    next(running)

    for number in range(1, 12):
        # A deployment: the new instance begins while the old one runs, stops or dies.
        old, running = running, instance(str(number))
        end = rng.choice(["stops", "dies", "lives"])
        if end == "stops":
            old.close()  # type: ignore[attr-defined]
        elif end == "lives":
            clock.advance(rng.uniform(0, RENEW_AFTER))
            assert next(old)
            running = old
            continue
        began = clock()
        assert next(running), (seed, number)
        assert clock() - began < 10
        if end == "dies":
            dead.append(old)  # kept, because a generator that is collected ends in an orderly way
        assert CountedFeed.readers == 1 + len(dead), (seed, number)
