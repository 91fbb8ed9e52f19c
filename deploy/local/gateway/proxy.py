"""Forward requests to a service: a reverse proxy as an ASGI application."""

from collections.abc import AsyncIterator

import anyio
import httpx
import structlog

from deploy.local.gateway.asgi import BAD_REQUEST, Headers, Message, Receive, Send, send_problem

log = structlog.get_logger(__name__)

TIMEOUT = httpx.Timeout(120, connect=2)
"""Seconds; longer than an event stream stays open or silent."""

_HOP_BY_HOP = {
    b"connection",
    b"keep-alive",
    b"transfer-encoding",
    b"upgrade",
    b"te",
    b"trailer",
    b"proxy-connection",
    # Replaced and not appended to, because a client may send any value.
    b"x-forwarded-for",
}

_UNAVAILABLE = "This part of TinyPixo is starting or restarting. Please try again in a moment."
_RETRY_AFTER = [(b"retry-after", b"2")]


class ReverseProxy:
    """Forward requests to the service at a URL.

    It uses a transport, because an httpx client would keep the cookies of one visitor and send
    them with the requests of the next.
    """

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport) -> None:
        self._url = httpx.URL(url)
        self._transport = transport

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        try:
            response = await self._transport.handle_async_request(self._request(scope, receive))
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

    def _request(self, scope: Message, receive: Receive) -> httpx.Request:
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        body_headers = (b"content-length", b"transfer-encoding")
        has_body = any(name in body_headers for name, _ in scope["headers"])
        return httpx.Request(
            scope["method"],
            self._url.copy_with(raw_path=scope["raw_path"] + query),
            headers=[*_end_to_end(scope["headers"]), (b"x-forwarded-for", _client(scope))],
            content=_body(receive) if has_body else None,
            extensions={"timeout": TIMEOUT.as_dict()},
        )


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
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
