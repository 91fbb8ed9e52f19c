"""Test how requests are read before an application asks for them."""

import json
import socket
import time
from contextlib import suppress
from threading import Event
from typing import Any

import anyio
import pytest

from libs.core.web.server_connection import MAX_HEADERS, SMALL_CHUNK, SMALL_CHUNKS
from libs.core.web.server_protocol import FIRST_READ, ServiceProtocol
from tests.fault_injection import eventually
from tests.http_server import connected, read_all, read_response, serving

BODY = bytes(300_000)
HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(BODY)


class Application:
    """Ask for the body of a request when it may, and answer with the sizes of what came."""

    def __init__(self) -> None:
        self.may_ask = Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        await anyio.to_thread.run_sync(self.may_ask.wait, 30)
        blocks: list[int] = []
        more = scope["method"] == "POST"
        while more:
            message = await receive()
            blocks.append(len(message["body"]))
            more = message["more_body"]
        answer = f"{blocks[0] if blocks else 0} {sum(blocks)}".encode()
        length = (b"content-length", str(len(answer)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": answer})


def sizes(answer: bytes) -> tuple[int, int]:
    """Return the bytes that were there when the body was asked for, and those of all of it."""
    first, every = map(int, answer.rpartition(b"\r\n\r\n")[2].split())
    return first, every


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


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 6\r\nTransfer-Encoding: chunked",
        b"transfer-encoding: Chunked\r\nCONTENT-LENGTH: 0",
    ],
)
def test_a_request_with_two_lengths_ends_its_connection(headers: bytes) -> None:
    app = Application()
    app.may_ask.set()
    with serving(app) as port, connected(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert sizes(read_response(connection)) == (0, 0)
        ambiguous = b"POST / HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n\r\n0\r\n\r\n"
        connection.sendall(ambiguous + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = read_all(connection)

    head, _, body = answer.lower().partition(b"\r\n\r\n")
    assert head.startswith(b"http/1.1 400")
    assert b"connection: close" in head.split(b"\r\n")
    assert b"content-type: application/problem+json" in head.split(b"\r\n")
    assert json.loads(body)["code"] == "request_invalid", "and no answer to the second request"


@pytest.mark.parametrize("ending", [b"\r\n", b"\n"])
@pytest.mark.parametrize("extra", [0, 1, 1000])
def test_a_request_with_too_many_headers_is_refused(ending: bytes, extra: int) -> None:
    """h11 took a hundredth of a second for 6,000, in which nobody else was served."""
    app = Application()
    app.may_ask.set()
    body = bytes([10]) * 1000  # lines of the body are no headers
    head = [b"POST / HTTP/1.1", b"Host: x", b"Connection: close", b"Content-Length: 1000"]
    head += [b"x: y"] * (MAX_HEADERS - 3 + extra)
    with serving(app) as port, connected(port) as connection:
        connection.sendall(ending.join([*head, b"", b""]) + body)
        answer = read_all(connection)

    if not extra:
        assert sizes(answer)[1] == 1000
    else:
        assert answer.startswith(b"HTTP/1.1 431")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "request_invalid"


@pytest.mark.parametrize("reads", [False, True], ids=["the headers", "the body"])
def test_a_malformed_chunk_is_no_fault_of_the_application_that_has(
    reads: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            if reads:
                assert (await receive())["type"] == "http.disconnect"
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body"})

    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with serving(app) as port, connected(port) as connection:
        connection.sendall(chunked + b"zz\r\n")
        answer = read_all(connection)

    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1") == 1
    assert [entry.message for entry in caplog.records if entry.levelname == "ERROR"] == []


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


@pytest.mark.parametrize("begin", [0, len(HEAD)], ids=["the headers", "the body"])
def test_what_comes_byte_by_byte_is_read_in_few_pieces(reads: list[int], begin: int) -> None:
    """Each read takes time of the event loop, in which nobody else's request is served."""
    app = Application()
    app.may_ask.set()
    request = HEAD.replace(b"300000", b"300") + bytes(300)
    with serving(app) as port, connected(port) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if begin:
            connection.sendall(request[:begin])
        for at in range(begin, len(request)):
            connection.sendall(request[at : at + 1])
            time.sleep(0.001)  # so that each byte is a packet
        assert sizes(read_response(connection))[1] == 300

    assert sum(reads) == len(request)
    assert len(reads) < len(request) / 10


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


CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunked(size: int, count: int, trailers: bytes = b"") -> bytes:
    """Return a request with `count` chunks of `size` bytes."""
    return CHUNKED + (b"%x\r\n%s\r\n" % (size, bytes(size))) * count + b"0\r\n" + trailers + b"\r\n"


@pytest.mark.parametrize(("size", "count"), [(1, SMALL_CHUNKS), (SMALL_CHUNK, 3000), (100_000, 30)])
def test_chunks_of_a_usual_size_are_taken(size: int, count: int) -> None:
    app = Application()
    app.may_ask.set()
    with serving(app) as port, connected(port) as connection:
        connection.sendall(chunked(size, count))
        assert sizes(read_all(connection))[1] == size * count


def test_a_body_of_tiny_chunks_is_refused() -> None:
    app = Application()
    app.may_ask.set()
    with serving(app) as port, connected(port) as connection:
        connection.sendall(chunked(1, SMALL_CHUNKS + 10))
        answer = read_all(connection)

    assert answer.startswith(b"HTTP/1.1 400")
    assert "chunks" in json.loads(answer.partition(b"\r\n\r\n")[2])["detail"]


def test_a_long_body_of_tiny_chunks_is_not_read_to_its_end(reads: list[int]) -> None:
    """h11 takes 0.2 s for 40,000 chunks, in which nobody else is served."""
    app = Application()
    app.may_ask.set()
    # What was not read resets the connection.
    with serving(app) as port, suppress(ConnectionError), connected(port) as connection:
        connection.sendall(chunked(1, 100_000))
        read_all(connection)

    assert sum(reads) <= 2 * FIRST_READ


@pytest.mark.parametrize("begin", [b"", b"3\r\nabc\r\n"], ids=["no chunk", "a chunk"])
@pytest.mark.parametrize("extra", [0, 10, 1000])
@pytest.mark.parametrize("cut", [0, 1, 3], ids=["at once", "in the last chunk", "before trailers"])
def test_a_request_with_too_many_trailers_is_refused(begin: bytes, extra: int, cut: int) -> None:
    app = Application()
    app.may_ask.set()
    trailers = b"0\r\n" + b"x: y\r\n" * (MAX_HEADERS - 3 + extra) + b"\r\n"
    with serving(app) as port, connected(port) as connection:
        connection.sendall(CHUNKED + begin + trailers[:cut])
        if cut:
            time.sleep(0.02)  # so that the rest is a packet of its own
        connection.sendall(trailers[cut:])
        answer = read_all(connection)

    assert answer.startswith(b"HTTP/1.1 431" if extra else b"HTTP/1.1 200")
