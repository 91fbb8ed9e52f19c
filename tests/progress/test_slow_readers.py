"""A reader that never reads."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

import pytest

from libs.core.domain.events import Change
from libs.core.domain.uploads import Upload
from services.progress.subscription import Subscription
from tests.progress.support import Scripted, Service, Stream, World, eventually, token_of

Serve = Callable[..., Service]


@pytest.fixture
def items(world: World) -> list[Upload]:
    return [world.upload() for _ in range(100)]


@contextmanager
def deaf(service: Service) -> Iterator[Subscription]:
    """A client that asks for the session's stream and takes nothing of it."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", service.port))
        request = f"GET /api/progress/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token_of('somebody')}\r\n\r\n"
        connection.sendall(request.encode())
        eventually(lambda: service.broadcaster.count() > 0)
        yield service.broadcaster.subscriptions("somebody")[0]


def flood(scripted: Scripted, items: list[Upload], other: Stream) -> Iterator[int]:
    """Every item changes, and another reader of the session has heard of it, again and again."""
    for version in count(2):
        scripted.bring(*(Change(None, replace(item, version=version)) for item in items))
        other.until(lambda event: event.id == f"{items[-1].id}:{version}")  # noqa: B023 -- called at once
        yield version


def test_it_is_cut_while_others_go_on_and_its_queue_stays_small(
    serve: Serve, items: list[Upload], scripted: Scripted
) -> None:
    service = serve(scripted, write_limit=0.5)
    scripted.bring()
    with deaf(service) as slow, service.follow() as other:
        other.take(len(items))
        changes = flood(scripted, items, other)
        largest = 0
        while service.broadcaster.count() == 2:
            next(changes)
            largest = max(largest, len(slow.queue))
        next(changes)
    assert 0 < largest <= len(items)


def test_it_does_not_hold_up_the_end_of_the_service_for_long(
    serve: Serve, items: list[Upload], scripted: Scripted
) -> None:
    service = serve(scripted, write_limit=60)
    scripted.bring()
    with deaf(service) as slow:
        with service.follow() as other:
            other.take(len(items))
            stuck = 0
            for _ in flood(scripted, items, other):
                stuck = stuck + 1 if len(slow.queue) else 0
                if stuck == 20:
                    break
        assert service.stop() < 6
