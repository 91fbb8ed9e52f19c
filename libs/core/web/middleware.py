"""What happens around every request: an id, a trace, one line in the log, and no mutation from another site's page."""

import re
import secrets
import time
from typing import Any

import structlog
from litestar import Request, Response
from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from libs.core.telemetry import span
from libs.core.web.problems import problem

log = structlog.get_logger(__name__)

_SANE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_READS = ("GET", "HEAD", "OPTIONS")


class RequestContext(ASGIMiddleware):
    """Gives each request an id (the caller's, where it is sane), a span, and a line in the log."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        headers = Headers.from_scope(scope)
        given = headers.get("x-request-id", "")
        request_id = given if _SANE_ID.fullmatch(given) else secrets.token_hex(8)
        began = time.perf_counter()
        status = 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableScopeHeaders.from_message(message)["X-Request-Id"] = request_id
            await send(message)

        assert scope["type"] == ScopeType.HTTP
        method, path = scope["method"], scope["path"]
        with (
            structlog.contextvars.bound_contextvars(request_id=request_id),
            span(f"{method} {path}", headers.get("traceparent")),
        ):
            try:
                await next_app(scope, receive, sending)
            finally:
                quiet = path.startswith("/health")
                took = round((time.perf_counter() - began) * 1000, 1)
                log.log(
                    10 if quiet else 20,
                    "request",
                    method=method,
                    path=path,
                    status=status,
                    took_ms=took,
                )


def refuse_other_sites(request: Request[Any, Any, Any]) -> Response[Any] | None:
    """Browsers say where a request comes from; another site's page may not change anything here."""
    if request.method not in _READS and request.headers.get("sec-fetch-site") == "cross-site":
        return problem(
            403, "forbidden", "Forbidden", "This request comes from another site's page."
        )
    return None
