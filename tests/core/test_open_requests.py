"""Test a server whose client address has as many requests open as it may."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from litestar import Litestar, get

from libs.core.settings import Settings
from libs.core.web import middleware
from libs.core.web.app import service_app
from tests.fault_injection import eventually
from tests.http_server import connected, read_response, serving

MOST = 2


class Held:
    """A service with a route whose responses wait."""

    def __init__(self) -> None:
        self.running = 0
        self.may_end = threading.Event()

    def app(self) -> Litestar:
        @get("/held")
        async def hold() -> None:
            self.running += 1
            while not self.may_end.is_set():
                await anyio.sleep(0.01)
            self.running -= 1

        given: dict[str, Any] = {"bucket": "bucket", "table": "table", "AWS_REGION": "eu-west-1"}
        settings = Settings(**given, trusted_proxies=1, requests_per_address=MOST)
        return service_app("upload", settings, [hold], {}, {})


def ask(connection: socket.socket, address: str, path: str = "/held") -> None:
    forwarded = f"X-Forwarded-For: {address}\r\n" if address else ""
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{forwarded}\r\n".encode())


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
def port(held: Held) -> Iterator[int]:
    """Serve while `MOST` requests of 192.0.2.1 are open."""
    with serving(held.app()) as port, connected(port) as first, connected(port) as second:
        for connection in (first, second):
            ask(connection, "192.0.2.1")
        eventually(lambda: held.running == MOST)
        yield port
        held.may_end.set()


def test_one_request_too_many_is_refused_at_once_and_ends_its_connection(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(middleware, "REFUSAL_DELAY", 3600)
    with connected(port) as connection:
        ask(connection, "192.0.2.1")
        head = read_response(connection).lower()

        assert head.startswith(b"http/1.1 429")
        assert b"\r\nconnection: close\r\n" in head
        assert b"\r\nretry-after: 1\r\n" in head
        assert connection.recv(1) == b""


def test_other_addresses_and_probes_are_answered_meanwhile(held: Held, port: int) -> None:
    with connected(port) as other, connected(port) as probe:
        ask(other, "192.0.2.2")
        assert eventually(lambda: held.running == MOST + 1)
        for _ in range(MOST + 1):
            ask(probe, "", "/health/live")
            assert read_response(probe).startswith(b"HTTP/1.1 200")


def test_an_address_may_ask_again_when_its_requests_have_ended(held: Held, port: int) -> None:
    held.may_end.set()
    eventually(lambda: held.running == 0)
    with connected(port) as connection:
        for _ in range(MOST + 1):
            ask(connection, "192.0.2.1")
            assert read_response(connection).startswith(b"HTTP/1.1 200")
