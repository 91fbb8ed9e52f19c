"""Provide items, and the progress service on them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from libs.core.ports.change_feed import ChangeFeed
from tests.progress.support import (
    FakeChangeFeed,
    FaultyProgressReader,
    ItemStore,
    ServiceHarness,
    eventually,
    memory_feed,
    memory_reader,
)


@pytest.fixture
def store() -> ItemStore:
    return ItemStore()


@pytest.fixture
def reader(store: ItemStore) -> FaultyProgressReader:
    return memory_reader(store)


@pytest.fixture
def fake_feed() -> FakeChangeFeed:
    return FakeChangeFeed()


Serve = Callable[..., ServiceHarness]


@pytest.fixture
def serve(
    store: ItemStore, reader: FaultyProgressReader, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Serve]:
    """Start services with given settings, on the table's own feed or on another."""
    running: list[ServiceHarness] = []

    def start(feed: ChangeFeed | None = None, **settings: Any) -> ServiceHarness:
        service = ServiceHarness(reader, feed or memory_feed(store), **settings)
        service.start()
        running.append(service)
        return service

    yield start
    for service in running:
        service.close()


@pytest.fixture
def service(serve: Serve) -> ServiceHarness:
    """Start a service with a live feed, which otherwise only reads queue positions by the clock."""
    service = serve()
    eventually(service.broadcaster.is_live)
    return service
