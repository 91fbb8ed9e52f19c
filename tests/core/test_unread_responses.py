"""Hold the permit while a client reads its response, and disconnect one that does not read."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest

from libs.core import serve
from libs.core.unread_responses import UnreadResponses, _count_undelivered
from libs.core.web.concurrency import COSTLY_AT_ONCE, LimitConcurrency
from tests.fakes import FakeClock
from tests.fault_injection import eventually
from tests.http_server import read_response, serving

BODY = bytes(20_000_000)
"""More than the buffers of the system hold."""
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Application:
    """Answer with a large body."""

    def __init__(self) -> None:
        self.begun = self.ended = 0
        self._limit = LimitConcurrency()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        await self._limit.handle(scope, receive, send, self._answer)
        self.ended += 1

    async def _answer(self, scope: Any, _receive: Any, send: Any) -> None:
        await scope["permit"].follow({"is_costly": True})
        self.begun += 1
        length = (b"content-length", str(len(BODY)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": BODY, "more_body": False})


@contextmanager
def client(port: int) -> Iterator[socket.socket]:
    """Send a request, and read nothing."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.settimeout(10)
        connection.connect(("127.0.0.1", port))
        connection.sendall(REQUEST)
        yield connection


@pytest.fixture
def timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disconnect within a second what does not read."""
    monkeypatch.setattr(serve, "CHECK_INTERVAL", 0.05)
    monkeypatch.setattr(serve.Server, "unread", UnreadResponses(read_timeout=0.6))


def test_a_permit_is_held_until_the_client_has_taken_the_response() -> None:
    app = Application()
    with serving(app) as port, ExitStack() as clients:
        first = clients.enter_context(client(port))
        eventually(lambda: app.begun == 1)
        for _ in range(COSTLY_AT_ONCE):
            clients.enter_context(client(port))
        eventually(lambda: app.begun == COSTLY_AT_ONCE)
        assert app.ended == 0

        assert read_response(first).endswith(BODY[-1000:])
        eventually(lambda: app.begun == COSTLY_AT_ONCE + 1)
        assert app.ended == 1


@pytest.mark.usefixtures("timeouts")
def test_a_client_that_does_not_read_is_disconnected() -> None:
    app = Application()
    with serving(app) as port, client(port) as silent:
        eventually(lambda: app.ended == 1)
        received = 0
        with suppress(ConnectionResetError):
            while block := silent.recv(1_000_000):
                received += len(block)
        assert received < len(BODY)


class FakeConnection:
    """Have a full buffer in front of a real socket, as a server's connection has."""

    def __init__(self, end: socket.socket) -> None:
        self.transport = self
        self.is_aborted = False
        self._end = end

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 1_000_000

    def get_extra_info(self, _name: str) -> socket.socket:
        return self._end

    def abort(self) -> None:
        self.is_aborted = True


def test_a_slow_client_is_not_disconnected_while_it_reads() -> None:
    """The buffer of the system lasts it so long that ours does not shrink."""
    clock = FakeClock(0)
    unread = UnreadResponses(30, clock)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as slow:
        slow.settimeout(10)
        slow.connect(server.getsockname())
        end, _ = server.accept()
        with end:
            end.setblocking(False)
            with suppress(BlockingIOError):
                while True:
                    end.send(BODY)
            connection = FakeConnection(end)
            for _ in range(10):
                unread.abort([connection], is_stopping=False)
                before = _count_undelivered(connection)
                while _count_undelivered(connection) == before:
                    slow.recv(10_000)
                clock.advance(29)
            unread.abort([connection], is_stopping=False)
            assert not connection.is_aborted

            clock.advance(30)
            unread.abort([connection], is_stopping=False)
            assert connection.is_aborted
