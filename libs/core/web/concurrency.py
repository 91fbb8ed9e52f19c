"""Limit how many requests of one client address are handled at once."""

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
from litestar import Request
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from libs.core.errors import RateLimited

AT_ONCE = 16
"""Requests of an address that are handled at once. Most take some milliseconds. Some last as long
as a slow S3, and the others of an office behind one address must not wait for them."""

COSTLY_AT_ONCE = 4
"""Requests of an address that are handled at once and take tens of milliseconds of processor time,
such as listings. With 16 of them, others waited thirty times as long as usual."""

MAX_WAITING = 1_000
"""Requests of an address that wait for their turn. A waiting one costs some kilobytes."""


MAX_BODIES = 256
"""Requests with a body of any length of an address that are handled at once. Each takes up to 200
kB, and an office behind one address sends some for each of its people."""


class Turns:
    """Let so many requests of one address go on at once; more of it wait, and nobody else does."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._running: dict[str, int] = {}
        self._waiting: dict[str, deque[anyio.Event]] = {}

    def __bool__(self) -> bool:
        """Return True while somebody has a turn, or waits for one."""
        return bool(self._running or self._waiting)

    async def begin(self, address: str) -> None:
        """Wait for a turn. Raises RateLimited if too many wait already."""
        if self._running.get(address, 0) < self._at_once:
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
                self.end(address)
            else:
                queue.remove(turn)
            raise

    def end(self, address: str) -> None:
        """Give the turn to the request that has waited longest."""
        queue = self._waiting.get(address)
        if queue:
            queue.popleft().set()
            return
        self._waiting.pop(address, None)
        self._running[address] -= 1
        if not self._running[address]:
            del self._running[address]


class Turn:
    """Hold the turn of one request."""

    def __init__(self, address: str, turns: Turns, costly: Turns) -> None:
        self._address = address
        self._turns = turns
        self._costly = costly
        self._held: Turns | None = None

    async def begin(self) -> None:
        """Wait for a turn. Raises RateLimited if too many wait already."""
        await self._begin(self._turns)

    async def begin_costly(self) -> None:
        """Wait for one of the few turns of costly requests, in place of the present one."""
        await self._begin(self._costly)

    def end(self) -> None:
        """Let another request of the address go on. A repeated call changes nothing."""
        if self._held is not None:
            self._held.end(self._address)
            self._held = None

    async def _begin(self, turns: Turns) -> None:
        self.end()
        await turns.begin(self._address)
        self._held = turns


class LimitConcurrency(ASGIMiddleware):
    """Let requests of one address wait for each other; those of others do not wait for them.

    Routes choose by their options:

    - `is_costly`: It takes a lot of processor time, so that fewer are handled at once.
    - `most_of_address`: More than so many of an address are refused.
    - `needs_no_turn`: It takes no time.

    A request that lasts as long as the client likes ends its turn before it begins to wait for the
    client: see `turn_of`. Only the event loop's thread uses this. It must come after the session's
    middleware, which finds the address.
    """

    scopes = (ScopeType.HTTP,)

    def __init__(self) -> None:
        self._turns = Turns(AT_ONCE)
        self._costly = Turns(COSTLY_AT_ONCE)
        self._lasting: Counter[str] = Counter()

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Call the application when it is the turn of this request.

        Raises:
            RateLimited: Too many requests of the address wait or last already. So every route that
                is limited documents 429.
        """
        address: str = scope["session"].address  # type: ignore[union-attr]
        options = scope["route_handler"].opt
        if options.get("needs_no_turn"):
            await next_app(scope, receive, send)
            return
        with self._last(address, options.get("most_of_address")):
            turn = Turn(address, self._turns, self._costly)
            await (turn.begin_costly() if options.get("is_costly") else turn.begin())
            scope["turn"] = turn  # type: ignore[typeddict-unknown-key]
            try:
                await next_app(scope, receive, send)
            finally:
                turn.end()

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


def turn_of(request: Request[Any, Any, Any]) -> Turn:
    """Return the turn of a request, which the middleware began."""
    turn: Turn = request.scope["turn"]  # type: ignore[typeddict-item]
    return turn


def _too_many() -> RateLimited:
    return RateLimited(
        "There are too many requests from your network at once. Please try again in a moment.",
        retry_after=1,
    )
