"""Forward requests to a service: a reverse proxy as an ASGI application."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import anyio
import httpcore
import httpx
import structlog

from deploy.local.gateway.asgi import BAD_REQUEST, Headers, Message, Receive, Send, send_problem
from libs.core.address_semaphore import AddressSemaphore
from libs.core.errors import RateLimited

log = structlog.get_logger(__name__)

TIMEOUT = httpx.Timeout(120, connect=2)
"""Seconds; longer than an event stream stays open or silent."""

CHECK_INTERVAL = 0.2
"""Seconds of a client's silence after which the proxy looks for an early answer."""

REQUESTS_AT_ONCE = 8
"""Requests without a body that a service works on at once for one address, until it answers. This
process has one thread: the requests of one address would delay those of all others."""

_HOP_BY_HOP = {
    b"connection",
    b"keep-alive",
    b"transfer-encoding",
    b"upgrade",
    b"te",
    b"trailer",
    b"proxy-connection",
    # The gateway itself tells the client to continue. From the service it would be an early answer.
    b"expect",
    # Replaced and not appended to, because a client may send any value.
    b"x-forwarded-for",
}

_UNAVAILABLE = "This part of TinyPixo is starting or restarting. Please try again in a moment."
_RETRY_AFTER = [(b"retry-after", b"2")]


@dataclass(frozen=True)
class Transports:
    """Hold the connections to the services.

    A request with a body has a connection of its own, on which an early answer can be noticed.
    """

    of_bodies: httpx.AsyncBaseTransport
    of_others: httpx.AsyncBaseTransport


def open_transports() -> Transports:
    """Return transports without a limit of connections."""
    unlimited = {"max_connections": None}
    return Transports(
        httpx.AsyncHTTPTransport(limits=httpx.Limits(**unlimited, max_keepalive_connections=0)),
        httpx.AsyncHTTPTransport(limits=httpx.Limits(**unlimited)),
    )


class ServiceConnection:
    """Notice whether a service answers while its request is still being sent."""

    def __init__(self) -> None:
        self._stream: httpcore.AsyncNetworkStream | None = None

    async def trace(self, event: str, info: dict[str, Any]) -> None:
        """Take the connection from httpcore's trace."""
        if event == "connection.connect_tcp.complete":
            self._stream = info["return_value"]

    def is_answered(self) -> bool:
        """Return True if there are bytes to read, or if the service has closed."""
        return self._stream is not None and bool(self._stream.get_extra_info("is_readable"))


class ReverseProxy:
    """Forward requests to the service at a URL.

    It uses a transport, because an httpx client would keep the cookies of one visitor and send
    them with the requests of the next.
    """

    def __init__(self, url: str, transports: Transports) -> None:
        self._url = httpx.URL(url)
        self._transports = transports
        self._permits = AddressSemaphore(REQUESTS_AT_ONCE)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        request = self._request(scope, receive)
        has_body = "trace" in request.extensions
        try:
            if has_body:
                response = await self._transports.of_bodies.handle_async_request(request)
            else:
                response = await self._send_in_turn(request, _client(scope).decode())
        except RateLimited as error:
            await send_problem(send, 429, error.code, error.detail, _RETRY_AFTER)
            return
        except (httpx.InvalidURL, httpx.LocalProtocolError) as error:
            log.info("proxy.request_refused", reason=repr(error))
            await send_problem(send, 400, "request_invalid", BAD_REQUEST)
            return
        except httpx.TransportError as error:
            log.warning("proxy.service_unavailable", reason=repr(error))
            await send_problem(send, 503, "storage_unavailable", _UNAVAILABLE, _RETRY_AFTER)
            return
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(_cancel_on_disconnect, receive, group.cancel_scope)
                await _send_response(response, send)
                group.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await response.aclose()

    async def _send_in_turn(self, request: httpx.Request, address: str) -> httpx.Response:
        """Send a request when no more than `REQUESTS_AT_ONCE` of its address have no answer yet."""
        await self._permits.acquire(address)
        try:
            return await self._transports.of_others.handle_async_request(request)
        finally:
            self._permits.release(address)

    def _request(self, scope: Message, receive: Receive) -> httpx.Request:
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        body_headers = (b"content-length", b"transfer-encoding")
        has_body = any(name in body_headers for name, _ in scope["headers"])
        connection = ServiceConnection()
        trace = {"trace": connection.trace} if has_body else {}
        return httpx.Request(
            scope["method"],
            self._url.copy_with(raw_path=scope["raw_path"] + query),
            headers=[*_end_to_end(scope["headers"]), (b"x-forwarded-for", _client(scope))],
            content=_body(receive, connection) if has_body else None,
            extensions={"timeout": TIMEOUT.as_dict(), **trace},
        )


async def _body(receive: Receive, connection: ServiceConnection) -> AsyncIterator[bytes]:
    """Yield the blocks of the client's body, until the service answers before its end."""
    while True:
        message: Message | None = None
        with anyio.move_on_after(CHECK_INTERVAL):
            message = await receive()
        if connection.is_answered():
            # httpcore takes this for a service that has closed, and reads its response.
            raise httpcore.WriteError("the service has answered")
        if message is None:
            continue
        if message["type"] == "http.disconnect":
            raise httpx.ReadError("the client has disconnected")
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


async def _send_response(response: httpx.Response, send: Send) -> None:
    headers = _end_to_end(response.headers.raw)
    status = response.status_code
    await send({"type": "http.response.start", "status": status, "headers": headers})
    try:
        async for block in response.aiter_raw():
            await send({"type": "http.response.body", "body": block, "more_body": True})
    except httpx.TransportError:
        return  # the service has ended: the client sees an incomplete response
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _cancel_on_disconnect(receive: Receive, scope: anyio.CancelScope) -> None:
    """Cancel the exchange when the client disconnects; an event stream would not notice."""
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def _end_to_end(headers: Headers) -> Headers:
    """Return the headers without those that are for one connection only."""
    return [(name.lower(), value) for name, value in headers if name.lower() not in _HOP_BY_HOP]


def _client(scope: Message) -> bytes:
    """Return the address of the client, which the services see instead of ours."""
    host, _ = scope.get("client") or ("127.0.0.1", 0)
    return str(host).encode()
