"""A reverse proxy as an ASGI app: requests on to one service, answers back, neither held in memory."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import anyio
import httpx

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

TIMEOUT = httpx.Timeout(120, connect=2)
"""Seconds: longer than any event stream lasts, or is silent."""

_HOP_BY_HOP = {b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"te", b"trailer", b"proxy-connection"}

_AWAY = {
    "type": "/problems/storage_unavailable",
    "title": "Service unavailable",
    "status": 503,
    "code": "storage_unavailable",
    "detail": "This part of TinyPixo is starting or restarting. Please try again in a moment.",
}


class Proxy:
    """To the service at `base`.

    A transport, not an httpx client: that one would keep the cookies of one visitor and send them for the next.
    """

    def __init__(self, base: str, transport: httpx.AsyncBaseTransport) -> None:
        self._base = httpx.URL(base)
        self._transport = transport

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        try:
            answer = await self._transport.handle_async_request(self._request(scope, receive))
        except httpx.TransportError:
            await _say_away(send)
            return
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(_until_gone, receive, group.cancel_scope)
                await _hand_back(answer, send)
                group.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await answer.aclose()

    def _request(self, scope: Message, receive: Receive) -> httpx.Request:
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        url = self._base.copy_with(raw_path=scope["raw_path"] + query)
        has_body = any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])
        return httpx.Request(
            scope["method"],
            url,
            headers=_kept(scope["headers"]),
            content=_body(receive) if has_body else None,
            extensions={"timeout": TIMEOUT.as_dict()},
        )


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise httpx.ReadError("the client went away")
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


async def _hand_back(answer: httpx.Response, send: Send) -> None:
    await send({"type": "http.response.start", "status": answer.status_code, "headers": _kept(answer.headers.raw)})
    try:
        async for block in answer.aiter_raw():
            await send({"type": "http.response.body", "body": block, "more_body": True})
    except httpx.TransportError:
        return  # the service went away in mid-answer: the connection ends without its end, as at any proxy
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    """Ends the exchange when the client does: an event stream would never notice by itself."""
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def _say_away(send: Send) -> None:
    headers = [(b"content-type", b"application/problem+json"), (b"retry-after", b"2")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(_AWAY).encode()})


def _kept(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower(), value) for name, value in headers if name.lower() not in _HOP_BY_HOP]
