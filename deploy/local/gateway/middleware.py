"""Give every request an id, a log line and security headers, and answer every exception."""

import re
import secrets
import time
from collections.abc import Collection, Mapping

import structlog

from deploy.local.gateway.asgi import (
    BAD_REQUEST,
    App,
    Headers,
    Message,
    Receive,
    Send,
    send_problem,
)
from deploy.local.gateway.hosts import is_ours
from libs.core.telemetry import shorten

log = structlog.get_logger(__name__)

REQUEST_ID = b"x-request-id"
POLICY = b"content-security-policy"

_VALID_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")

MISDIRECTED = (
    "TinyPixo does not answer under this host name. "
    "Use localhost, or start it with this name in TINYPIXO_ORIGINS."
)

INTERNAL_ERROR = (
    "Something went wrong on our side. Please try again; the request id helps us to find it."
)


def security_headers(bucket_origin: str) -> dict[str, str]:
    """Return the headers of every response. Pages may connect to their origin and the bucket."""
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data: blob:",
        "media-src": f"'self' blob: {bucket_origin}",
        "connect-src": f"'self' {bucket_origin}",
        "manifest-src": "'self'",
        "worker-src": "'self'",
        "base-uri": "'none'",
        "object-src": "'none'",
        "frame-ancestors": "'none'",
        "form-action": "'self'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def new_request_id() -> bytes:
    """Return a random request id."""
    return secrets.token_hex(8).encode()


class GatewayMiddleware:
    """Wrap an ASGI application so that every request gets a response with these headers."""

    def __init__(self, app: App, headers: Mapping[str, str], names: Collection[str] = ()) -> None:
        """Add these headers to every response, in place of those of the application.

        Only a Content-Security-Policy of the application is kept.

        Besides localhost and addresses, `names` are the host names by which we are reached.
        """
        self._app = app
        self._names = names
        self._headers: Headers = [
            (name.lower().encode(), value.encode()) for name, value in headers.items()
        ]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope["headers"])
        # The service takes the id over, so that one id finds the lines of both logs.
        scope["headers"] = [*_without(scope["headers"], {REQUEST_ID}), (REQUEST_ID, request_id)]
        own: Headers = [*self._headers, (REQUEST_ID, request_id)]
        began, status = time.perf_counter(), 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = message.get("headers", [])
                # The services have a policy of their own, which allows nothing.
                has_policy = any(name.lower() == POLICY for name, _ in given)
                added = _without(own, {POLICY}) if has_policy else own
                kept = _without(given, {name for name, _ in added})
                if status >= 400 and not any(name.lower() == b"cache-control" for name, _ in kept):
                    kept.append((b"cache-control", b"no-store"))
                message = {**message, "headers": [*kept, *added]}
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id.decode()):
            try:
                await self._answer(scope, receive, send_with_headers)
            except Exception as error:
                # One line without the stack's variables: formatting them blocked all requests.
                log.error("request.failed", path=shorten(scope["path"]), error=repr(error))
                if not status:
                    await send_problem(send_with_headers, 500, "internal", INTERNAL_ERROR)
            finally:
                took = round((time.perf_counter() - began) * 1000, 1)
                log.info(
                    "request",
                    method=shorten(scope["method"]),
                    path=shorten(scope["path"]),
                    status=status,
                    took_ms=took,
                )

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        names = {name for name, _ in scope["headers"]}
        # RFC 9112, section 6.1: such a request may be an attempt of request smuggling.
        if {b"content-length", b"transfer-encoding"} <= names:
            close = [(b"connection", b"close")]
            await send_problem(send, 400, "request_invalid", BAD_REQUEST, close)
            return
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if not all(is_ours(host, self._names) for host in hosts):
            await send_problem(send, 421, "request_invalid", MISDIRECTED)
            return
        await self._app(scope, receive, send)


def _request_id(headers: Headers) -> bytes:
    """Return the caller's request id if it is valid, or a new one."""
    given = next((value for name, value in headers if name == REQUEST_ID), b"")
    return given if _VALID_ID.fullmatch(given) else new_request_id()


def _without(headers: Headers, names: set[bytes]) -> Headers:
    return [(name, value) for name, value in headers if name.lower() not in names]
