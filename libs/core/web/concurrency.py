"""Limit how many requests of one client address are handled at once."""

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from libs.core.errors import RateLimited

AT_ONCE = 16
"""Requests of an address that are handled at once. Most take some milliseconds. Some last as long
as a slow S3, and the others of an office behind one address must not wait for them."""

MAX_WAITING = 1_000
"""Requests of an address that wait for their turn. A waiting one costs some kilobytes."""


MAX_BODIES = 256
"""Requests with a body of any length of an address that are handled at once. Each takes up to 200
kB, and an office behind one address sends some for each of its people."""


class LimitConcurrency(ASGIMiddleware):
    """Let requests of one address wait for each other; those of others do not wait for them.

    Requests of a route with the option `is_lasting` last as long as the client likes. They do not
    wait for each other: those beyond the option `most_of_address` are refused. Only the event
    loop's thread uses this. It must come after the session's middleware, which finds the address.
    """

    scopes = (ScopeType.HTTP,)

    def __init__(self) -> None:
        self._running: dict[str, int] = {}
        self._waiting: dict[str, deque[anyio.Event]] = {}
        self._lasting: Counter[str] = Counter()

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Call the application when it is the turn of this request.

        Raises:
            RateLimited: Too many requests of the address wait or last already. So every route that
                is limited documents 429.
        """
        address: str = scope["session"].address  # type: ignore[union-attr]
        options = scope["route_handler"].opt
        if options.get("is_lasting"):
            with self._last(address, options.get("most_of_address")):
                await next_app(scope, receive, send)
            return
        await self._begin(address)
        try:
            await next_app(scope, receive, send)
        finally:
            self._end(address)

    @contextmanager
    def _last(self, address: str, most: int | None) -> Iterator[None]:
        """Count a request among those of its address, if there is a limit for them."""
        if most is None:
            yield
            return
        if self._lasting[address] >= most:
            raise _too_many()
        self._lasting[address] += 1
        try:
            yield
        finally:
            self._lasting[address] -= 1
            if not self._lasting[address]:
                del self._lasting[address]

    async def _begin(self, address: str) -> None:
        if self._running.get(address, 0) < AT_ONCE:
            self._running[address] = self._running.get(address, 0) + 1
            return
        queue = self._waiting.setdefault(address, deque())
        if len(queue) >= MAX_WAITING:
            raise _too_many()
        turn = anyio.Event()
        queue.append(turn)
        try:
            await turn.wait()
        except BaseException:
            if turn.is_set():
                self._end(address)
            else:
                queue.remove(turn)
            raise

    def _end(self, address: str) -> None:
        """Give the turn to the request that has waited longest."""
        queue = self._waiting.get(address)
        if queue:
            queue.popleft().set()
            return
        self._waiting.pop(address, None)
        self._running[address] -= 1
        if not self._running[address]:
            del self._running[address]


def _too_many() -> RateLimited:
    return RateLimited(
        "There are too many requests from your network at once. Please try again in a moment.",
        retry_after=1,
    )
