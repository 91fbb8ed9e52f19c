"""Test how requests are read before an application asks for them, and if they come slowly."""

import socket
import time
from contextlib import suppress
from typing import Any
from unittest.mock import Mock

import anyio
import pytest

from libs.core.web.server_protocol import (
    FIRST_READ,
    FREE_READS,
    SMALL_READ,
    BodyFlow,
    ServiceProtocol,
)
from tests.core.body_sizes import BODY, HEAD, Application, chunked, sizes
from tests.fault_injection import eventually
from tests.http_server import connected, read_all, read_response, serving


def test_little_of_a_body_is_read_before_it_is_asked_for() -> None:
    app = Application()
    with serving(app) as port, connected(port) as connection:
        for _ in range(2):  # of a connection that is used again, too
            app.may_ask.clear()
            connection.sendall(HEAD + BODY)
            app.may_ask.set()
            first, every = sizes(read_response(connection))

            assert first <= 2 * FIRST_READ
            assert every == len(BODY)


def test_a_body_that_nobody_asks_for_ends_no_connection() -> None:
    app = Application()
    app.may_ask.set()
    request = HEAD.replace(b"POST", b"PUT")
    with serving(app) as port, connected(port) as connection:
        connection.sendall(request + BODY)
        assert sizes(read_response(connection)) == (0, 0)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert sizes(read_all(connection)) == (0, 0)


def test_a_short_body_is_read_although_nobody_asks_for_it() -> None:
    """An unread rest would reset the connection, and take a refusal with it."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            cycle = receive.__self__
            with anyio.fail_after(10):
                while len(cycle.body) < 5000:
                    await anyio.sleep(0.01)
            headers = [(b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 413, "headers": headers})
            await send({"type": "http.response.body"})

    with serving(app) as port, connected(port) as connection:
        connection.sendall(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 6000\r\n\r\n")
        for _ in range(5):
            connection.sendall(bytes(1000))
        assert read_response(connection).startswith(b"HTTP/1.1 413")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collect the size of each read of all connections."""
    sizes: list[int] = []
    original = ServiceProtocol.data_received

    def note(self: ServiceProtocol, data: bytes) -> None:
        sizes.append(len(data))
        original(self, data)

    monkeypatch.setattr(ServiceProtocol, "data_received", note)
    return sizes


@pytest.mark.parametrize(
    ("method", "begin"),
    [(b"POST", 0), (b"POST", len(HEAD)), (b"PUT", len(HEAD))],
    ids=["the headers", "the body", "the body of a request that was answered"],
)
def test_what_comes_byte_by_byte_is_read_in_few_pieces(
    reads: list[int], method: bytes, begin: int
) -> None:
    """Each read takes time of the event loop, in which nobody else's request is served."""
    app = Application()
    app.may_ask.set()
    request = HEAD.replace(b"300000", b"300").replace(b"POST", method) + bytes(300)
    following = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with serving(app) as port, connected(port) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if begin:
            connection.sendall(request[:begin])
        if method == b"PUT":
            assert sizes(read_response(connection)) == (0, 0)
        for at in range(begin, len(request)):
            connection.sendall(request[at : at + 1])
            time.sleep(0.001)  # so that each byte is a packet
        connection.sendall(following)
        assert read_all(connection).endswith(b"0 0")

    assert sum(reads) == len(request + following)
    assert len(reads) < len(request) / 8


@pytest.mark.parametrize(
    ("reads", "rests"),
    [
        ([1] * FREE_READS, 0),
        ([1] * (FREE_READS + 1), 1),
        ([1448] * 11 + [456], 0),
        ([*([1448] * 11), 456] * 50, 0),
        ([SMALL_READ - 1] * 100, 92),
    ],
    ids=["a few packets", "one more", "a record", "records", "tiny packets"],
)
def test_only_tiny_reads_let_a_connection_rest(reads: list[int], rests: int) -> None:
    """A record of 16 KiB comes in packets of 1,448 bytes and a small one."""
    loop = Mock()
    flow = BodyFlow(Mock())
    for size in reads:
        flow.note_read(size, loop)
        flow.resume_reading()  # what the application asks for comes after the rest
        for call in loop.call_later.call_args_list[-1:]:
            call.args[1]()

    assert loop.call_later.call_count == rests


def test_small_requests_do_not_wait_for_the_rests_of_others(reads: list[int]) -> None:
    app = Application()
    app.may_ask.set()
    head = HEAD.replace(b"300000", b"3")
    with serving(app) as port, connected(port) as connection:
        for _ in range(3):
            connection.sendall(head)
            assert eventually(lambda: reads)
            connection.sendall(b"abc")
            assert sizes(read_response(connection)) == (3, 3)
            assert reads == [len(head), 3], "the body in a packet of its own was read at once"
            reads.clear()


def test_a_long_body_of_tiny_chunks_is_not_read_to_its_end(reads: list[int]) -> None:
    """h11 takes 0.2 s for 40,000 chunks, in which nobody else is served."""
    app = Application()
    app.may_ask.set()
    # What was not read resets the connection.
    with serving(app) as port, suppress(ConnectionError), connected(port) as connection:
        connection.sendall(chunked(1, 100_000))
        read_all(connection)

    assert sum(reads) <= 2 * FIRST_READ


def test_little_of_a_chunked_body_is_read_at_once(reads: list[int]) -> None:
    """All that was read is parsed before anybody else's request goes on."""
    app = Application()
    app.may_ask.set()
    first = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    with serving(app) as port, connected(port) as connection:
        connection.sendall(first + chunked(100_000, 20))
        assert sizes(read_response(connection)) == (0, 0)
        assert sizes(read_all(connection))[1] == 2_000_000

    assert max(reads) <= FIRST_READ
