"""Limit how many requests of one client address are handled at once."""

from collections import deque

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


class LimitConcurrency(ASGIMiddleware):
    """Let requests of one address wait for each other; those of others do not wait for them.

    A route with the option `is_lasting` is not limited: its requests last as long as the client
    likes, and have limits of their own. Only the event loop's thread uses this. It must come after
    the session's middleware, which finds the address.
    """

    scopes = (ScopeType.HTTP,)

    def __init__(self) -> None:
        self._running: dict[str, int] = {}
        self._waiting: dict[str, deque[anyio.Event]] = {}

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Call the application when it is the turn of this request.

        Raises:
            RateLimited: Too many requests of the address wait already. So every route that is
                limited documents 429.
        """
        if scope["route_handler"].opt.get("is_lasting"):
            await next_app(scope, receive, send)
            return
        address: str = scope["session"].address  # type: ignore[union-attr]
        await self._begin(address)
        try:
            await next_app(scope, receive, send)
        finally:
            self._end(address)

    async def _begin(self, address: str) -> None:
        if self._running.get(address, 0) < AT_ONCE:
            self._running[address] = self._running.get(address, 0) + 1
            return
        queue = self._waiting.setdefault(address, deque())
        if len(queue) >= MAX_WAITING:
            raise RateLimited(
                "There are too many requests from your network at once. "
                "Please try again in a moment.",
                retry_after=1,
            )
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
