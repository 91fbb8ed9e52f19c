"""Test that a server has threads for many addresses whose requests wait for storage."""

import threading
from contextlib import ExitStack
from typing import Any

import anyio

from libs.core.serve import REQUEST_THREADS
from libs.core.web.concurrency import AT_ONCE
from tests.fault_injection import eventually
from tests.http_server import connected, read_response, serving

ADDRESSES = 7


class SlowStorage:
    """Answer each request when a call in a thread has ended, as those of storage do."""

    def __init__(self) -> None:
        self.waiting = 0
        self.may_end = threading.Event()
        self._lock = threading.Lock()

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            if scope["path"] == "/slow":
                await anyio.to_thread.run_sync(self._wait)
            else:
                await anyio.to_thread.run_sync(int)
            headers = [(b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body"})

    def _wait(self) -> None:
        with self._lock:
            self.waiting += 1
        self.may_end.wait(30)


def test_requests_that_wait_for_storage_leave_threads_to_others() -> None:
    """anyio's 40 threads were all taken by three addresses."""
    app = SlowStorage()
    many = ADDRESSES * AT_ONCE
    assert many < REQUEST_THREADS
    with serving(app) as port, ExitStack() as stack:
        stack.callback(app.may_end.set)
        for _ in range(many):
            slow = stack.enter_context(connected(port))
            slow.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert eventually(lambda: app.waiting == many)

        with connected(port) as other:
            other.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert read_response(other).startswith(b"HTTP/1.1 200")
