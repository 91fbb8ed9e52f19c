"""Test how many items a reading of the queue fetches."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from libs.core.adapters.aws import conversion_copies, conversion_queue
from libs.core.adapters.aws.conversion_copies import REREAD_PER_SECOND
from libs.core.adapters.aws.conversion_queue import DynamoDbConversionQueue
from libs.core.adapters.aws.dynamodb.encoding import encode_conversion
from libs.core.adapters.aws.dynamodb.table import Table
from libs.core.domain.conversions import Conversion, Phase
from libs.core.domain.fair_order import fair_position
from tests.fakes import FakeClock, a_conversion, an_upload

REMEMBERED = 5.0


class FakeTable(Table):
    """Hold queued conversions, and count the items that are read."""

    def __init__(self, clock: FakeClock) -> None:
        self.now = clock
        self.items: dict[str, Any] = {}
        self.reads = 0

    def put(self, conversion: Conversion) -> None:
        self.items[conversion.id] = encode_conversion(conversion)

    def keys(self, index: str, condition: Any, **_: Any) -> Iterator[str]:
        assert index == "open"
        kind = condition.get_expression()["values"][1]
        yield from [pk for pk, item in self.items.items() if item["open_kind"] == kind]

    def get_many(self, pks: Sequence[str], paths: Sequence[str] = ()) -> Iterator[Any]:
        self.reads += len(pks)
        for item in (self.items[pk] for pk in pks):
            yield {name: item[name] for name in paths or item if name in item}


@pytest.fixture
def table(clock: FakeClock) -> FakeTable:
    return FakeTable(clock)


@pytest.fixture
def queue(
    table: FakeTable, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> DynamoDbConversionQueue:
    monkeypatch.setattr(conversion_copies, "time", SimpleNamespace(monotonic=clock))
    return DynamoDbConversionQueue(cast(Table, table), remembered=REMEMBERED)


def a_queued(clock: FakeClock, number: int, **changes: Any) -> Conversion:
    upload = an_upload("anna", clock())
    return a_conversion(
        upload, **{"phase": Phase.QUEUED, "created_at": clock() + number, **changes}
    )


@pytest.mark.parametrize("phase", [Phase.QUEUED, Phase.WAITING])
def test_a_long_queue_is_read_once_and_then_little_by_little(
    table: FakeTable, queue: DynamoDbConversionQueue, clock: FakeClock, phase: Phase
) -> None:
    listed = [a_queued(clock, number, phase=phase) for number in range(1000)]
    for conversion in listed:
        table.put(conversion)

    for _ in range(50):
        assert [found.id for found in queue.in_phase(phase)] == [c.id for c in listed]
    assert table.reads == 1000

    for _ in range(60):
        clock.advance(1)
        assert len(list(queue.in_phase(phase))) == 1000
    assert table.reads <= 1000 + 60 * REREAD_PER_SECOND


def test_who_reads_rarely_reads_no_more(
    table: FakeTable, queue: DynamoDbConversionQueue, clock: FakeClock
) -> None:
    """A worker lists the queue when a slot becomes free, which may take longer than a lease."""
    for number in range(2000):
        table.put(a_queued(clock, number))
    list(queue.in_phase(Phase.QUEUED))

    clock.advance(60)
    list(queue.in_phase(Phase.QUEUED))

    assert table.reads <= 2000 + 60 * REREAD_PER_SECOND


def test_each_copy_is_read_again_in_the_end(
    table: FakeTable, queue: DynamoDbConversionQueue, clock: FakeClock
) -> None:
    listed = [a_queued(clock, number) for number in range(1000)]
    for conversion in listed:
        table.put(conversion)
    list(queue.in_phase(Phase.QUEUED))
    for conversion in listed:
        table.put(replace(conversion, attempts=1))

    for _ in range(1000 // REREAD_PER_SECOND):
        clock.advance(REMEMBERED)
        found = list(queue.in_phase(Phase.QUEUED))

    assert {conversion.attempts for conversion in found} == {1}


def test_a_short_queue_is_read_again_as_a_whole(
    table: FakeTable, queue: DynamoDbConversionQueue, clock: FakeClock
) -> None:
    waiting = a_queued(clock, 0)
    table.put(waiting)
    list(queue.in_phase(Phase.QUEUED))
    table.put(replace(waiting, attempts=1))

    clock.advance(REMEMBERED)

    assert [found.attempts for found in queue.in_phase(Phase.QUEUED)] == [1]


def test_what_is_remembered_is_forgotten_with_the_conversion(
    table: FakeTable, queue: DynamoDbConversionQueue, clock: FakeClock
) -> None:
    for number in range(10):
        table.put(a_queued(clock, number))
    list(queue.in_phase(Phase.QUEUED))
    table.items.clear()

    list(queue.in_phase(Phase.QUEUED))

    assert not queue._copies[Phase.QUEUED]._copies


def test_what_takes_memory_is_not_read(
    table: FakeTable, queue: DynamoDbConversionQueue, clock: FakeClock
) -> None:
    waiting = a_queued(clock, 0)
    table.put(waiting)
    table.items[waiting.id]["warnings"] = ["a long text"]

    assert list(queue.in_phase(Phase.QUEUED)) == [waiting]


def test_what_was_claimed_is_seen_although_the_index_lags(
    table: FakeTable, queue: DynamoDbConversionQueue, clock: FakeClock
) -> None:
    conversion = a_queued(clock, 0)
    table.put(conversion)
    assert list(queue.in_phase(Phase.QUEUED)) == [conversion]

    queue.forget(conversion.id)
    table.items[conversion.id]["phase"] = Phase.PROBING

    assert not list(queue.in_phase(Phase.QUEUED))


def test_who_comes_and_who_goes_is_seen_at_once(
    table: FakeTable, queue: DynamoDbConversionQueue, clock: FakeClock
) -> None:
    first, second, third = (a_queued(clock, number) for number in range(3))
    table.put(first)
    table.put(third)
    assert [found.id for found in queue.in_phase(Phase.QUEUED)] == [first.id, third.id]

    table.put(replace(first, phase=Phase.PROBING))
    table.put(second)

    assert {found.id for found in queue.in_phase(Phase.QUEUED)} == {second.id, third.id}
    assert [found.id for found in queue.in_phase(Phase.PROBING)] == [first.id]
    assert table.reads == 4, "each once: two queued, one more, and the one that runs"


def test_what_was_claimed_and_returned_is_read_again(
    table: FakeTable, queue: DynamoDbConversionQueue, clock: FakeClock
) -> None:
    waiting = a_queued(clock, 0)
    table.put(waiting)
    assert list(queue.in_phase(Phase.QUEUED))
    table.put(replace(waiting, phase=Phase.PROBING))
    assert not list(queue.in_phase(Phase.QUEUED))

    table.put(replace(waiting, attempts=1))

    assert [found.attempts for found in queue.in_phase(Phase.QUEUED)] == [1]


def test_what_has_expired_is_not_offered(
    table: FakeTable, queue: DynamoDbConversionQueue, clock: FakeClock
) -> None:
    waiting = replace(a_queued(clock, 0), expires_at=int(clock()) + 1)
    table.put(waiting)
    assert list(queue.in_phase(Phase.QUEUED))

    clock.advance(2)

    assert not list(queue.in_phase(Phase.QUEUED))
    assert table.reads == 1, "it is listed until somebody deletes it"


def test_the_place_of_one_that_a_reading_lacks_is_counted_once_a_reading(
    table: FakeTable, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its requests cost a look-up each. Otherwise each orders the whole queue again."""
    counted: list[str] = []

    def count(conversion: Conversion, *queue: Any) -> int:
        counted.append(conversion.id)
        return fair_position(conversion, *queue)

    monkeypatch.setattr(conversion_queue, "fair_position", count)
    monkeypatch.setattr(conversion_queue, "time", SimpleNamespace(monotonic=clock))
    queue = DynamoDbConversionQueue(cast(Table, table), max_age=5.0)
    table.put(a_queued(clock, 0))
    queue.positions("anna")
    new = [a_queued(clock, number) for number in (1, 2)]

    assert [queue.position(c) for c in new * 20] == [2, 2] * 20
    assert counted == [c.id for c in new]

    table.items.clear()
    clock.advance(6)
    assert [queue.position(c) for c in new * 20] == [1, 1] * 20
    assert counted == [c.id for c in new * 2]
