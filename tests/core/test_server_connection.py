"""Test which requests are refused because of their headers, chunks or lengths."""

import json
import time
from typing import Any

import pytest

from libs.core.web.server_connection import (
    MAX_BLANKS,
    MAX_CHUNK_LINE,
    MAX_HEADERS,
    SMALL_CHUNK,
    SMALL_CHUNKS,
)
from tests.core.body_sizes import CHUNKED, Application, chunked, sizes
from tests.http_server import connected, read_all, read_response, serving


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


@pytest.mark.parametrize("blank", [b" ", b"\t", b" \t"])
@pytest.mark.parametrize("excess", [0, 1])
@pytest.mark.parametrize("trailer", [False, True])
def test_a_header_with_many_blanks_is_refused(blank: bytes, excess: int, trailer: bool) -> None:
    """With an invalid byte behind them, h11 takes 0.5 s for 16,000 blanks."""
    app = Application()
    app.may_ask.set()
    header = b"x:" + (blank * MAX_BLANKS)[: MAX_BLANKS - 1 + excess] + b"y\r\n"
    head = CHUNKED[:-2] if trailer else CHUNKED[:-2] + header
    body = b"\r\n0\r\n" + (header if trailer else b"") + b"\r\n"
    with serving(app) as port, connected(port) as connection:
        connection.sendall(head + body)
        answer = read_all(connection)

    assert answer.startswith(b"HTTP/1.1 400" if excess else b"HTTP/1.1 200")


@pytest.mark.parametrize("line", [b"1;" + b" " * MAX_CHUNK_LINE, b"0" * MAX_CHUNK_LINE + b"1"])
def test_a_long_line_before_a_chunk_is_refused(line: bytes) -> None:
    app = Application()
    app.may_ask.set()
    with serving(app) as port, connected(port) as connection:
        connection.sendall(CHUNKED + line + b"\r\nx\r\n0\r\n\r\n")
        assert read_all(connection).startswith(b"HTTP/1.1 400")


def test_lines_of_a_chunk_that_comes_after_its_size_are_no_trailers() -> None:
    app = Application()
    app.may_ask.set()
    data = b"0\r\n" + b"1\r\n" * (2 * MAX_HEADERS)
    with serving(app) as port, connected(port) as connection:
        connection.sendall(CHUNKED + b"%x\r\n" % len(data))
        time.sleep(0.02)  # so that the chunk is a packet of its own
        connection.sendall(data + b"\r\n0\r\n\r\n")
        assert sizes(read_all(connection))[1] == len(data)
