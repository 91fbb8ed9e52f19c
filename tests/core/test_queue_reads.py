"""Test how many items a reading of the queue fetches."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from libs.core.adapters.aws import conversion_queue
from libs.core.adapters.aws.conversion_queue import DynamoDbConversionQueue
from libs.core.adapters.aws.dynamodb.encoding import encode_conversion
from libs.core.adapters.aws.dynamodb.table import Table
from libs.core.domain.conversions import Conversion, Phase
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
        assert not paths
        self.reads += len(pks)
        yield from (self.items[pk] for pk in pks)


@pytest.fixture
def table(clock: FakeClock) -> FakeTable:
    return FakeTable(clock)


@pytest.fixture
def queue(
    table: FakeTable, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> DynamoDbConversionQueue:
    monkeypatch.setattr(conversion_queue, "time", SimpleNamespace(monotonic=clock))
    return DynamoDbConversionQueue(cast(Table, table), remembered=REMEMBERED)


def a_queued(clock: FakeClock, number: int) -> Conversion:
    upload = an_upload("anna", clock())
    return a_conversion(upload, phase=Phase.QUEUED, created_at=clock() + number)


def test_a_long_queue_is_read_once_in_a_while(
    table: FakeTable, queue: DynamoDbConversionQueue, clock: FakeClock
) -> None:
    queued = [a_queued(clock, number) for number in range(1000)]
    for conversion in queued:
        table.put(conversion)

    for _ in range(50):
        assert [found.id for found in queue.in_phase(Phase.QUEUED)] == [c.id for c in queued]
    assert table.reads == 1000

    clock.advance(REMEMBERED)
    assert len(list(queue.in_phase(Phase.QUEUED))) == 1000
    assert table.reads == 2000


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
