"""Limit how many requests of one client address are handled at once."""

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
from litestar import Request
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPResponseBodyEvent, Message, Receive, Scope, Send

from libs.core.errors import RateLimited

AT_ONCE = 16
"""Requests of an address that are handled at once. Most take some milliseconds. Some last as long
as a slow S3, and the others of an office behind one address must not wait for them."""

COSTLY_AT_ONCE = 4
"""Requests of an address that are handled at once and take tens of milliseconds of processor time,
such as listings. With 16 of them, others waited thirty times as long as usual."""

MAX_WAITING = 1_000
"""Requests of an address that wait for a permit. A waiting one costs some kilobytes."""

LARGE_BODY = 32 * 1024
"""Bytes of a response; the permit of a larger one is held until the client has taken it."""

MAX_BODIES = 256
"""Requests of an address that are handled at once and have bodies of any length. Each takes up to
200 kB, and an office behind one address sends some for each of its people."""


class AddressSemaphore:
    """Permit `at_once` requests of each address; more of that address wait."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._running: dict[str, int] = {}
        self._waiting: dict[str, deque[anyio.Event]] = {}

    def __bool__(self) -> bool:
        """Return True while any request has a permit, or waits for one."""
        return bool(self._running or self._waiting)

    async def acquire(self, address: str) -> None:
        """Wait for a permit. Raises RateLimited if too many requests wait already."""
        if self._running.get(address, 0) < self._at_once:
            self._running[address] = self._running.get(address, 0) + 1
            return
        queue = self._waiting.setdefault(address, deque())
        if len(queue) >= MAX_WAITING:
            raise _too_many()
        permitted = anyio.Event()
        queue.append(permitted)
        try:
            await permitted.wait()
        except BaseException:
            if permitted.is_set():
                self.release(address)
            else:
                queue.remove(permitted)
            raise

    def release(self, address: str) -> None:
        """Give the permit to the request that has waited longest."""
        queue = self._waiting.get(address)
        if queue:
            queue.popleft().set()
            return
        self._waiting.pop(address, None)
        self._running[address] -= 1
        if not self._running[address]:
            del self._running[address]


class RequestPermit:
    """Hold the permit of one request."""

    def __init__(self, address: str, usual: AddressSemaphore, costly: AddressSemaphore) -> None:
        self._address = address
        self._usual = usual
        self._costly = costly
        self._held: AddressSemaphore | None = None

    async def acquire(self) -> None:
        """Wait for a permit. Raises RateLimited if too many requests wait already."""
        await self._acquire(self._usual)

    async def acquire_costly(self) -> None:
        """Release the present permit, and wait for one of the few of costly requests."""
        await self._acquire(self._costly)

    def release(self) -> None:
        """Let another request of the address go on. A repeated call changes nothing."""
        if self._held is not None:
            self._held.release(self._address)
            self._held = None

    async def _acquire(self, semaphore: AddressSemaphore) -> None:
        self.release()
        await semaphore.acquire(self._address)
        self._held = semaphore


class LimitConcurrency(ASGIMiddleware):
    """Let requests of one address wait for each other; those of others do not wait for them.

    Routes choose by their options:

    - `is_costly`: It takes a lot of processor time, so that fewer are handled at once.
    - `max_per_address`: More than so many of an address are refused, with or without a permit.
    - `needs_no_permit`: It takes no time.

    A permit is held until the client has taken the response; `UnreadResponses` disconnects one that
    does not read.

    A request that lasts as long as the client likes releases its permit before it begins to wait
    for the client: see `permit_of`. Only the event loop's thread uses this. It must come after the
    session's middleware, which finds the address.
    """

    scopes = (ScopeType.HTTP,)

    def __init__(self) -> None:
        self._usual = AddressSemaphore(AT_ONCE)
        self._costly = AddressSemaphore(COSTLY_AT_ONCE)
        self._counts: Counter[str] = Counter()

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Call the application once this request has a permit.

        Raises:
            RateLimited: Too many requests of the address wait, or as many as `max_per_address`
                have not ended. So every route that is limited documents 429.
        """
        address: str = scope["session"].address  # type: ignore[union-attr]
        options = scope["route_handler"].opt
        if options.get("needs_no_permit"):
            await next_app(scope, receive, send)
            return
        with self._count(address, options.get("max_per_address")):
            permit = RequestPermit(address, self._usual, self._costly)
            await (permit.acquire_costly() if options.get("is_costly") else permit.acquire())
            scope["permit"] = permit  # type: ignore[typeddict-unknown-key]
            try:
                await next_app(scope, receive, _until_taken(send))
            finally:
                permit.release()

    @contextmanager
    def _count(self, address: str, maximum: int | None) -> Iterator[None]:
        """Count a request of an address until it ends, if there is a maximum for its route."""
        if maximum is None:
            yield
            return
        if self._counts[address] >= maximum:
            raise _too_many()
        self._counts[address] += 1
        try:
            yield
        finally:
            self._counts[address] -= 1
            if not self._counts[address]:
                del self._counts[address]


def _until_taken(send: Send) -> Send:
    """Return a `send` that waits until the client has taken all but the end of a large body.

    The server keeps what the client does not read, and waits for the client before a message, not
    after it. So a large body gets an empty message as its end.
    """

    async def send_and_wait(message: Message) -> None:
        if (
            message["type"] == "http.response.body"
            and not message["more_body"]
            and len(message["body"]) > LARGE_BODY
        ):
            body: HTTPResponseBodyEvent = {**message, "more_body": True}
            await send(body)
            message = {**message, "body": b""}
        await send(message)

    return send_and_wait


def permit_of(request: Request[Any, Any, Any]) -> RequestPermit:
    """Return the permit of a request, which the middleware acquired."""
    permit: RequestPermit = request.scope["permit"]  # type: ignore[typeddict-item]
    return permit


def _too_many() -> RateLimited:
    return RateLimited(
        "There are too many requests from your network at once. Please try again in a moment.",
        retry_after=1,
    )
