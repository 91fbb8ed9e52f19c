"""Cut off readers that never read."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

import pytest

from libs.core.domain.events import Change
from libs.core.domain.uploads import Upload
from services.progress.subscription import Subscription
from tests.progress.support import (
    FakeChangeFeed,
    ItemStore,
    ServiceHarness,
    Stream,
    eventually,
    token_of,
)

Serve = Callable[..., ServiceHarness]


@pytest.fixture
def items(store: ItemStore) -> list[Upload]:
    return [store.upload() for _ in range(100)]


@contextmanager
def silent_client(service: ServiceHarness) -> Iterator[Subscription]:
    """Open the session's stream, and never read from it."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", service.port))
        request = (
            "GET /api/progress/events HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {token_of('somebody')}\r\n\r\n"
        )
        connection.sendall(request.encode())
        eventually(lambda: service.broadcaster.count() > 0)
        yield service.broadcaster.subscriptions("somebody")[0]


def flood(fake_feed: FakeChangeFeed, items: list[Upload], other: Stream) -> Iterator[int]:
    """Change every item repeatedly, while another reader of the session receives the changes."""
    for version in count(2):
        fake_feed.bring(*(Change(None, replace(item, version=version)) for item in items))
        last = f"{items[-1].id}:{version}"
        other.until(lambda event: event.id == last)  # noqa: B023 -- called at once
        yield version


def test_a_reader_that_never_reads_is_cut_off_and_its_queue_stays_small(
    serve: Serve, items: list[Upload], fake_feed: FakeChangeFeed
) -> None:
    service = serve(fake_feed, write_timeout=0.5)
    fake_feed.bring()
    with silent_client(service) as slow, service.follow() as other:
        other.take(len(items))
        changes = flood(fake_feed, items, other)
        largest = 0
        while service.broadcaster.count() == 2:
            next(changes)
            largest = max(largest, len(slow.queue))
        next(changes)
    assert 0 < largest <= len(items)


def test_a_reader_that_never_reads_does_not_delay_the_stop(
    serve: Serve, items: list[Upload], fake_feed: FakeChangeFeed
) -> None:
    service = serve(fake_feed, write_timeout=60)
    fake_feed.bring()
    with silent_client(service) as slow:
        with service.follow() as other:
            other.take(len(items))
            stuck = 0
            for _ in flood(fake_feed, items, other):
                stuck = stuck + 1 if len(slow.queue) else 0
                if stuck == 20:
                    break
        assert service.stop() < 6
