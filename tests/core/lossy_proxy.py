"""Lose replies, or break them off, in a proxy in front of an HTTP server."""

import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Fault = Literal["lose the reply", "break off in the middle"]


class LossyProxy(ThreadingHTTPServer):
    """Forward requests to `upstream`, and inject the listed faults into the next replies."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.faults: list[Fault] = []
        self.forwarded = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: LossyProxy

    def forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in ("connection", "expect")
        }
        request = urllib.request.Request(
            self.server.upstream + self.path, body or None, headers, method=self.command
        )
        try:
            with urllib.request.urlopen(request) as answer:
                status, answered, content = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, answered, content = error.code, error.headers, error.read()
        self.server.forwarded += 1
        fault = self.server.faults.pop(0) if self.server.faults else None
        if fault == "lose the reply":
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in answered.items():
            if name.lower() not in (
                "connection",
                "transfer-encoding",
                "content-length",
                "server",
                "date",
            ):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if fault else content)
        self.close_connection = True

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = forward  # noqa: N815 -- the base class's

    def log_message(self, *_: object) -> None:
        """Print nothing."""
