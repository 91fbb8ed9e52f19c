"""Provide a fake service and a running gateway for the tests of the gateway."""

import contextlib
import json
import socket
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx

POLICY = "default-src 'none'; sandbox"
"""The Content-Security-Policy of the fake service."""


class FakeService(BaseHTTPRequestHandler):
    """Answer each request with a description of it."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = json.dumps(
            {"path": self.path, "headers": dict(self.headers), "body": body.decode()}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(answer)

    do_PUT = do_GET  # noqa: N815

    def do_POST(self) -> None:
        """Refuse a request before its body has come."""
        if not self.path.endswith("/refused"):
            return self.do_GET()
        self.send_response(413)
        self.send_header("Content-Length", "0")
        self.end_headers()
        # Closing resets a connection with unread bytes, and the answer may be lost.
        with contextlib.suppress(ConnectionError):
            while self.rfile.read1(65536):
                pass
        self.close_connection = True
        return None

    def log_message(self, *_: object) -> None:
        """Print nothing."""


class RunningGateway:
    """Hold the address and the log of a gateway process."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self.log = log
        self.url = f"http://127.0.0.1:{port}"

    def send(self, request: bytes) -> httpx.Response:
        """Send bytes as they are, and return the response. The connection must be closed."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(request)
            received = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, body = received.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
        return httpx.Response(int(status.split()[1]), headers=headers, content=body)
