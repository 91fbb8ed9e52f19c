"""Inject network and server faults between clients and an AWS endpoint."""

import http.client
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

Fault = Literal[
    "throttle",  # 503 SlowDown; the server is not asked
    "drop request",  # reset after half of the request; the server never gets the whole of it
    "drop response",  # reset after the server has done its work
    "truncate response",  # half of the response, then a reset
]
FAULTS: tuple[Fault, ...] = ("throttle", "drop request", "drop response", "truncate response")

SLOW_DOWN = (
    b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)
THROTTLED = (
    b'{"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", '
    b'"message": "slow down"}'
)

_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "expect", "keep-alive"}


class FaultProxy(ThreadingHTTPServer):
    """Forward requests to `upstream` and inject each fault with its probability.

    `log` counts the faults, and the requests that were forwarded. `services` limits the faults to
    requests of some AWS services: "s3", or the beginning of an `X-Amz-Target` in lower case
    ("dynamodb", "amazonsqs.sendmessage").
    """

    daemon_threads = True

    def __init__(
        self,
        upstream: str,
        chances: Mapping[Fault, float],
        seed: int,
        services: tuple[str, ...] = ("s3", "dynamodb"),
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        split = urlsplit(upstream)
        self.upstream = (str(split.hostname), int(split.port or 80))
        self.chances = dict(chances)
        self.services = services
        self.log: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def draw(self, service: str) -> Fault | None:
        """Return the fault of the next request of a service, or None to forward it."""
        with self._lock:
            drawn = self._random.random()
            fault = None
            for candidate in FAULTS:
                drawn -= self.chances.get(candidate, 0.0)
                if drawn < 0 and service.startswith(self.services):
                    fault = candidate
                    break
            self.log[fault or "forwarded"] += 1
            return fault

    def close(self) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, *_: object) -> None:
        """Ignore clients that have closed their connection: the faults make them do so."""


class _Handler(BaseHTTPRequestHandler):
    server: FaultProxy
    protocol_version = "HTTP/1.1"  # botocore would wait a second for each "100 Continue" otherwise

    def forward(self) -> None:
        self.close_connection = True
        service = (self.headers.get("X-Amz-Target") or "s3").lower()
        fault = self.server.draw(service)
        length = int(self.headers.get("Content-Length", 0))
        if fault == "drop request":
            self.rfile.read(length // 2)
            return self._reset()
        body = self.rfile.read(length)
        if fault == "throttle":
            status, headers, content = self._throttled(service)
        else:
            status, headers, content = self._ask(body)
        if fault == "drop response":
            return self._reset()
        self.send_response(status)
        self.send_header("Connection", "close")
        for name, value in headers.items():
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if fault == "truncate response":
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            return self._reset()
        self.wfile.write(content)
        return None

    def _throttled(self, service: str) -> tuple[int, dict[str, str], bytes]:
        if service == "s3":
            return 503, {"Content-Type": "application/xml"}, SLOW_DOWN
        return 400, {"Content-Type": "application/x-amz-json-1.0"}, THROTTLED

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(*self.server.upstream, timeout=60)
        try:
            sent = {
                name: value
                for name, value in self.headers.items()
                if name.lower() not in _HOP_BY_HOP
            }
            connection.request(
                self.command,
                self.path,
                body or None,
                {**sent, "Content-Length": str(len(body))},
            )
            answer = connection.getresponse()
            kept = {
                name: value
                for name, value in answer.getheaders()
                if name.lower() not in _HOP_BY_HOP
            }
            if self.command == "HEAD" and (size := answer.getheader("Content-Length")):
                kept["Content-Length"] = size
            return answer.status, kept, answer.read()
        finally:
            connection.close()

    def _reset(self) -> None:
        """Close the connection with RST instead of FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = forward  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Print nothing."""
