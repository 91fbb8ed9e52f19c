"""Give every request an id, a trace and a log line, and every response the common headers."""

import re
import secrets
import time
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import anyio
import structlog
from litestar import Request, Response
from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from libs.core.telemetry import record_request, shorten, span
from libs.core.web.problems import host_invalid, internal_error, send_response

log = structlog.get_logger(__name__)

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # Responses are data. A browser that is made to show one as a page must run nothing of it.
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""Headers of every response, unless it has its own."""

REFUSAL_DELAY = 1.0
"""Seconds until a refusal (429) is sent. A client that ignores `Retry-After` and asks at once again
is slowed down by it, and waiting costs us nothing but its connection. A refusal that closes the
connection, because the client's address has too many, does not wait."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestContext(ASGIMiddleware):
    """Give each request an id (the client's, if it is well-formed), a span and a log line.

    Every response gets the common headers, and an exception that nothing else answers becomes a
    problem document.
    """

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Call the application."""
        headers = Headers.from_scope(scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        began = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableScopeHeaders.from_message(message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers["X-Request-Id"] = request_id
                if status == HTTPStatus.TOO_MANY_REQUESTS and "connection" not in headers:
                    await anyio.sleep(REFUSAL_DELAY)
            await send(message)

        assert scope["type"] == ScopeType.HTTP
        method, path = shorten(scope["method"]), shorten(scope["path"])
        with (
            structlog.contextvars.bound_contextvars(request_id=request_id),
            span(f"{method} {path}", headers.get("traceparent")),
        ):
            try:
                await next_app(scope, receive, send_with_headers)
            except Exception as error:
                log.error("request.failed", method=method, path=path, exc_info=error)
                if not status:
                    await send_response(internal_error(), scope, receive, send_with_headers)
            finally:
                # Probes come every few seconds: their lines are for debugging only.
                level = 10 if path.startswith("/health") else 20
                seconds = time.perf_counter() - began
                took = round(seconds * 1000, 1)
                record_request(method, status or 500, seconds)
                log.log(
                    level, "request", method=method, path=path, status=status or 500, took_ms=took
                )


class RequireHost(ASGIMiddleware):
    """Answer 400 to a request whose `Host` is not a host."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Call the application, or refuse."""
        if is_host(Headers.from_scope(scope).get("host", "")):
            await next_app(scope, receive, send)
        else:
            await send_response(host_invalid(), scope, receive, send)


def is_host(text: str) -> bool:
    """Return False for a `Host` that Litestar cannot make a URL of: reading one would raise."""
    try:
        urlsplit(f"//{text}").port  # noqa: B018 -- it raises
    except ValueError:
        return False
    return True


def answer_options(request: Request[Any, Any, Any]) -> Response[Any] | None:
    """Answer OPTIONS with the methods of the path, and return None for other requests.

    Litestar's own answer lists the methods of one handler only, where a path has several.
    """
    if request.method != "OPTIONS":
        return None
    template = request.scope["path_template"]
    methods = {
        method
        for route in request.app.routes
        if isinstance(route, HTTPRoute) and route.path_format == template
        for method in route.methods
    }
    return Response(None, status_code=204, headers={"Allow": ", ".join(sorted(methods))})
