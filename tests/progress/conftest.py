"""A world of items, and the service on it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from libs.core.ports.change_feed import ChangeFeed
from tests.progress.support import (
    Faulty,
    Scripted,
    Service,
    World,
    eventually,
    memory_feed,
    memory_reader,
)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def reader(world: World) -> Faulty:
    return memory_reader(world)


@pytest.fixture
def scripted() -> Scripted:
    return Scripted()


Serve = Callable[..., Service]


@pytest.fixture
def serve(world: World, reader: Faulty, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts a service with these settings, on the table's own feed or on another."""
    running: list[Service] = []

    def start(feed: ChangeFeed | None = None, **settings: Any) -> Service:
        service = Service(reader, feed or memory_feed(world), **settings)
        service.start()
        running.append(service)
        return service

    yield start
    for service in running:
        service.close()


@pytest.fixture
def service(serve: Serve) -> Service:
    """A service that is told of every change, and does nothing by the clock but look at places in the queue."""
    service = serve()
    eventually(service.broadcaster.is_live)
    return service
