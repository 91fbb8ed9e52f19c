"""Test requests that come slowly, break off, or are no HTTP, over a real connection."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute
from structlog.testing import capture_logs

from libs.core.web import request as request_module
from libs.core.web import server_protocol
from libs.core.web.session_tokens import SessionTokens
from services.upload.body_reader import BodyReader
from services.upload.container import UploadContainer
from tests.fault_injection import eventually
from tests.http_server import connected, read_all, read_response, serving
from tests.upload.support import BODY, OWNER, UploadHarness

TOKEN = SessionTokens("a secret of the tests, long enough").issue(OWNER)
CREATE = (
    b"POST /api/uploads HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Authorization: Bearer " + TOKEN.encode() + b"\r\n"
)


@pytest.fixture
def port(app: Litestar, container: UploadContainer, harness: UploadHarness) -> Iterator[int]:
    harness.override_adapters(container)
    with serving(app) as port:
        yield port


def parse(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of a response."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(status.split()[1]), headers, body


def problem_of(answer: bytes) -> tuple[int, str]:
    """Return status and code of a problem document with the common headers."""
    status, headers, body = parse(answer)
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["x-request-id"]
    found = json.loads(body)
    assert found["status"] == status
    return status, found["code"]


def test_headers_that_never_end_are_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_protocol, "HEADER_TIMEOUT", 0.3)
    with connected(port) as connection:
        connection.sendall(CREATE)

        assert problem_of(read_all(connection)) == (408, "request_timeout")


def test_a_header_a_moment_prolongs_nothing(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_protocol, "HEADER_TIMEOUT", 0.3)
    with connected(port, timeout=0.1) as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\n")

        def is_closed() -> bool:
            try:
                connection.sendall(b"X: y\r\n")
                return connection.recv(1) == b""
            except TimeoutError:
                return False
            except OSError:
                return True

        assert eventually(is_closed, 5)


def test_a_connection_without_a_request_is_closed(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_protocol, "HEADER_TIMEOUT", 0.3)
    with connected(port) as connection:
        assert read_all(connection) == b""


def test_a_connection_in_use_is_not_closed(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_protocol, "HEADER_TIMEOUT", 0.3)
    request = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"
    with connected(port) as connection:
        for _ in range(3):
            connection.sendall(request)
            connection.sendall(b"\r\n")
            assert parse(read_response(connection))[0] == 200


def test_a_json_body_that_never_ends_is_given_up(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_module, "BODY_TIMEOUT", 0.3)
    with connected(port) as connection:
        connection.sendall(CREATE + b'Content-Length: 100\r\nConnection: close\r\n\r\n{"file')

        assert problem_of(read_all(connection)) == (408, "request_timeout")


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nBad Header: x\r\n\r\n",
        "GET /ü HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
    ],
    ids=lambda garbage: repr(garbage[:40]),
)
def test_what_is_no_http_is_a_problem_too(port: int, garbage: bytes) -> None:
    with connected(port) as connection:
        connection.sendall(garbage)

        assert problem_of(read_all(connection)) == (400, "request_invalid")


@pytest.mark.parametrize(
    ("length", "expected"),
    [(8_000_000, (422, "part_size_mismatch")), (6 * 1024**3, (422, "part_size_mismatch"))],
)
def test_a_part_of_the_wrong_length_is_refused_before_its_body_comes(
    port: int, harness: UploadHarness, length: int, expected: tuple[int, str]
) -> None:
    upload = harness.create_upload()
    with connected(port) as connection:
        connection.sendall(
            f"PUT /api/uploads/{upload.id}/parts/1 HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {TOKEN}\r\nContent-Length: {length}\r\n\r\n".encode()
        )

        assert problem_of(read_response(connection)) == expected


def test_a_refusal_is_read_also_by_a_client_that_sends_all_of_its_body_first(
    port: int, harness: UploadHarness
) -> None:
    upload = harness.create_upload()
    length = 8_000_000
    with connected(port) as connection:
        connection.sendall(
            f"PUT /api/uploads/{upload.id}/parts/1 HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {TOKEN}\r\nContent-Length: {length}\r\n\r\n".encode()
        )
        connection.sendall(b"x" * length)

        assert problem_of(read_response(connection)) == (422, "part_size_mismatch")


def test_a_json_body_that_is_too_large_is_refused_before_it_comes(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(CREATE + b"Content-Length: 1000000\r\n\r\n")

        assert problem_of(read_response(connection)) == (413, "body_too_large")


def test_a_part_that_breaks_off_is_not_stored(
    port: int, harness: UploadHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = harness.create_upload()
    read: list[bytes | None] = []
    next_block = BodyReader._next

    async def record_block(reader: BodyReader) -> bytes | None:
        read.append(await next_block(reader))
        return read[-1]

    monkeypatch.setattr(BodyReader, "_next", record_block)
    path = f"/api/uploads/{upload.id}/parts/1"
    with capture_logs() as logs:
        with connected(port) as connection:
            connection.sendall(
                f"PUT {path} HTTP/1.1\r\nHost: x\r\n"
                f"Authorization: Bearer {TOKEN}\r\nContent-Length: 5\r\n\r\n".encode()
            )
            connection.sendall(BODY[:2])
            eventually(lambda: read == [BODY[:2]])
        eventually(lambda: any(line.get("path") == path for line in logs))

    assert not harness.now(upload).completed_parts


def test_senders_of_one_byte_keep_nobody_waiting(port: int, harness: UploadHarness) -> None:
    upload = harness.create_upload()
    put = (
        f"PUT /api/uploads/{upload.id}/parts/1 HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {TOKEN}\r\nContent-Length: 5\r\n\r\n"
    ).encode()
    with ExitStack() as connections:
        for _ in range(40):
            connections.enter_context(connected(port)).sendall(put + b"h")
        bystander = connections.enter_context(connected(port, timeout=10))
        bystander.sendall(put + b"hello")

        assert parse(read_response(bystander))[0] == 200
    assert harness.now(upload).completed_parts == {1}


def options_of(app: Litestar) -> dict[str, dict[str, Any]]:
    """Return the options of each route by its method and path."""
    return {
        f"{method} {route.path}": handler.opt
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
    }


def test_an_address_sends_only_so_many_bodies_of_any_length_at_once(app: Litestar) -> None:
    """JSON bodies are limited by the requests that an address has at once."""
    takes_bodies = {
        name: options
        for name, options in options_of(app).items()
        if "media_types" in options and name.startswith(("POST ", "PUT ", "PATCH "))
    }

    assert len(takes_bodies) == 3
    assert all(options["max_per_address"] for options in takes_bodies.values())


def test_listings_are_costly(app: Litestar) -> None:
    """Those of one upload's parts are in test_costly_listings.py."""
    assert options_of(app)["GET /api/uploads"]["is_costly"]
