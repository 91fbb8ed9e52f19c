"""Do what all requests need: id, trace, log line, `Allow`, and refusal of other sites."""

import re
import secrets
import time
from typing import Any

import structlog
from litestar import Request, Response
from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from libs.core.telemetry import span
from libs.core.web.problems import problem

log = structlog.get_logger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class RequestContext(ASGIMiddleware):
    """Give each request an id (the client's, if it is well-formed), a span and a log line."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Call the application, and add the request id to its response."""
        headers = Headers.from_scope(scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        began = time.perf_counter()
        status = 500

        async def send_with_id(message: Message) -> None:
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
                await next_app(scope, receive, send_with_id)
            finally:
                # Probes come every few seconds: their lines are for debugging only.
                level = 10 if path.startswith("/health") else 20
                took = round((time.perf_counter() - began) * 1000, 1)
                log.log(level, "request", method=method, path=path, status=status, took_ms=took)


def before_request(request: Request[Any, Any, Any]) -> Response[Any] | None:
    """Answer requests that need no handler: `OPTIONS`, and changes from other sites."""
    return _answer_options(request) or _refuse_other_sites(request)


def _answer_options(request: Request[Any, Any, Any]) -> Response[Any] | None:
    """List the methods of the path.

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


def _refuse_other_sites(request: Request[Any, Any, Any]) -> Response[Any] | None:
    """Answer 403 to a change that a page of another site makes, as the browser reports it."""
    if (
        request.method not in _SAFE_METHODS
        and request.headers.get("sec-fetch-site") == "cross-site"
    ):
        return problem(
            403, "forbidden", "Forbidden", "This request comes from another site's page."
        )
    return None
