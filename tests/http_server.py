"""Serve an ASGI application over HTTP in a thread, with the protocol of the services."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from libs.core.serve import Server
from libs.core.web.server_protocol import ServiceProtocol
from tests.fault_injection import eventually


@contextmanager
def serving(app: Any) -> Iterator[int]:
    """Serve an application, and yield the port."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        http=ServiceProtocol,
    )
    server = Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


@contextmanager
def connected(port: int, timeout: float = 10) -> Iterator[socket.socket]:
    """Open a connection to the server."""
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        yield connection


def read_response(connection: socket.socket) -> bytes:
    """Return one response that has a Content-Length."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(re.search(rb"(?i)\r\ncontent-length: (\d+)", head)[1])  # type: ignore[index]
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def read_all(connection: socket.socket) -> bytes:
    """Return everything up to the end of the connection."""
    received = bytearray()
    while block := connection.recv(65536):
        received += block
    return bytes(received)
