"""Serve HTTP in a thread: an ASGI application with the protocol of the services, or a fake."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

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


class RecordingServer:
    """Give every request the same answer, and record what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes]] = []
        """Path and body of each request."""
        self.status = 200
        self.answer = b""
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                self.do_POST()

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                recorder.asked.append((self.path, self.rfile.read(length)))
                self.send_response(recorder.status)
                self.end_headers()
                self.wfile.write(recorder.answer)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


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
