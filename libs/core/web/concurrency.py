"""Limit how many requests of one client address are handled at once."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import anyio
from litestar import Request
from litestar.datastructures import Headers
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPResponseBodyEvent, Message, Receive, Scope, Send

from libs.core.address_semaphore import AddressSemaphore, too_many_requests
from libs.core.errors import RateLimited
from libs.core.settings import REQUESTS_PER_ADDRESS
from libs.core.web.client_address import client_address
from libs.core.web.problems import on_core_error, send_response

AT_ONCE = 16
"""Requests of an address that are handled at once. Most take some milliseconds. Some last as long
as a slow S3, and the others of an office behind one address must not wait for them."""

COSTLY_AT_ONCE = 4
"""Requests of an address that are handled at once and may take tens of milliseconds of processor
time, such as listings. With 16 of them, others waited a hundred times as long as usual."""

LARGE_BODY = 32 * 1024
"""Bytes of a response; the permit of a larger one is held until the client has taken it."""

MAX_BODIES = 256
"""Requests of an address that are handled at once and have bodies of any length. Each takes up to
200 kB, and an office behind one address sends some for each of its people."""

REFUSALS_PER_SECOND = 50
"""Refusals of an address, because too many of its requests wait. Each takes almost a millisecond of
processor time, so a thousand a second would leave no time for others."""

LONGEST_REFUSAL = 30.0
"""Seconds that a refusal may wait for others of its address."""

PROBE_PATH = "/health/live"


class RequestPermit:
    """Hold the permit of one request, and its place among those whose number is limited."""

    def __init__(
        self,
        address: str,
        usual: AddressSemaphore,
        costly: AddressSemaphore,
        counts: Counter[str],
    ) -> None:
        self.address = address
        self._usual = usual
        self._costly = costly
        self._counts = counts
        self._held: AddressSemaphore | None = None
        self._is_counted = False

    async def acquire(self) -> None:
        """Wait for a permit. Raises RateLimited if too many requests wait already."""
        await self._acquire(self._usual)

    async def acquire_costly(self) -> None:
        """Release the present permit, and wait for one of the few of costly requests."""
        await self._acquire(self._costly)

    def become_usual(self) -> None:
        """Change the permit of a costly request for a usual one, if one is free.

        This is for a request that has done what is costly and still has to wait, for example while
        S3 assembles a file. It is handled further in either case, so it never waits here. One that
        was cancelled meanwhile holds no permit, and gets none.
        """
        if self._held is self._costly and self._usual.try_acquire(self.address):
            self.release()
            self._held = self._usual

    async def follow(self, options: Mapping[str, Any]) -> None:
        """Do what the options of the request's route ask for: see `LimitConcurrency`.

        Raises:
            RateLimited: Too many costly requests of the address wait, or as many as
                `max_per_address` have not ended.
        """
        if maximum := options.get("max_per_address"):
            self._count(maximum)
        if options.get("is_costly"):
            await self.acquire_costly()

    def release(self) -> None:
        """Let another request of the address go on. A repeated call changes nothing."""
        if self._held is not None:
            self._held.release(self.address)
            self._held = None

    def end(self) -> None:
        """Release the permit, and the place among those whose number is limited."""
        self.release()
        if self._is_counted:
            self._is_counted = False
            self._counts[self.address] -= 1
            if not self._counts[self.address]:
                del self._counts[self.address]

    async def _acquire(self, semaphore: AddressSemaphore) -> None:
        self.release()
        await semaphore.acquire(self.address)
        self._held = semaphore

    def _count(self, maximum: int) -> None:
        if self._counts[self.address] >= maximum:
            raise too_many_requests()
        self._counts[self.address] += 1
        self._is_counted = True


class LimitConcurrency(ASGIMiddleware):
    """Let requests of one address wait for each other; those of others do not wait for them.

    This is around the whole application, because refusals take time as well: those of an unknown
    path or of a wrong method. Only probes, which come from no proxy of ours, need no permit: a busy
    service is alive.

    When its route is known, `RequestPermit.follow` applies the options of the route:

    - `is_costly`: It takes a lot of processor time, so that fewer are handled at once.
    - `max_per_address`: More than so many of an address are refused, with or without a permit.

    A permit is held until the client has taken the response; `UnreadResponses` disconnects one that
    does not read.

    A request that lasts as long as the client likes releases its permit before it begins to wait
    for the client: see `permit_of`. Only the event loop's thread uses this.

    Whatever the requests of an address wait for, only `requests_per_address` are open. Otherwise
    290 a second, each refused after half a minute, took all connections of the server, which then
    closed those of everybody.
    """

    scopes = (ScopeType.HTTP,)

    def __init__(
        self, trusted_proxies: int = 0, requests_per_address: int = REQUESTS_PER_ADDRESS
    ) -> None:
        """Expect `trusted_proxies` proxies of ours in front."""
        self._trusted_proxies = trusted_proxies
        self._requests_per_address = requests_per_address
        self._usual = AddressSemaphore(AT_ONCE)
        self._costly = AddressSemaphore(COSTLY_AT_ONCE)
        self._counts: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._open: Counter[str] = Counter()

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Call the application with `scope["permit"]`, once this request has a permit.

        It answers 429 if too many requests of the address wait. So every route documents 429.
        """
        address = client_address(scope, self._trusted_proxies)
        if self._open[address] >= self._requests_per_address and not _is_probe(scope):
            await _refuse(too_many_requests(), scope, receive, send, Connection="close")
            return
        with _counted(self._open, address):
            await self._handle(address, scope, receive, send, next_app)

    async def _handle(
        self, address: str, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp
    ) -> None:
        permit = RequestPermit(address, self._usual, self._costly, self._counts)
        scope["permit"] = permit  # type: ignore[typeddict-unknown-key]
        try:
            if not _is_probe(scope):
                await permit.acquire()
                # A refusal waits for nothing. Without this pause all of them would be answered in
                # one turn of the event loop, however many there are, and no permit be held long
                # enough for another request to wait.
                await anyio.sleep(0)
            await next_app(scope, receive, _until_taken(send))
        except RateLimited as error:
            await self._wait_to_refuse(address)
            await _refuse(error, scope, receive, send)
        finally:
            permit.end()

    async def _wait_to_refuse(self, address: str) -> None:
        """Wait the longer, the more refusals of the address wait already."""
        with _counted(self._refused, address):
            seconds = self._refused[address] / REFUSALS_PER_SECOND
            await anyio.sleep(min(seconds, LONGEST_REFUSAL))


@contextmanager
def _counted(counts: Counter[str], address: str) -> Iterator[None]:
    """Count one more of the address meanwhile."""
    counts[address] += 1
    try:
        yield
    finally:
        counts[address] -= 1
        if not counts[address]:
            del counts[address]


async def _refuse(
    error: RateLimited, scope: Scope, receive: Receive, send: Send, **headers: str
) -> None:
    """Answer 429, with these headers besides."""
    response = on_core_error(Request(scope), error)
    response.headers.update(headers)
    await send_response(response, scope, receive, send)


def _is_probe(scope: Scope) -> bool:
    """Return True for a check of a container or a load balancer: our proxies name their client."""
    return scope["path"] == PROBE_PATH and "x-forwarded-for" not in Headers.from_scope(scope)


def _until_taken(send: Send) -> Send:
    """Return a `send` that waits until the client has taken all but the end of a large body.

    The server keeps what the client does not read, and waits for the client before a message, not
    after it. So a large body gets an empty message as its end.
    """

    async def send_and_wait(message: Message) -> None:
        if (
            message["type"] == "http.response.body"
            and not message.get("more_body")
            and len(message.get("body", b"")) > LARGE_BODY
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
