"""Serve the page and the services on one port: the gateway of `make run`.

`python -m deploy.local.gateway` is configured by GATEWAY_ROUTES (JSON: service → URL), GATEWAY_PAGE
(folder of the built page), GATEWAY_BUCKET_ORIGIN (the origin of presigned URLs), HOST and PORT.
"""

import json
import os
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from litestar import Litestar, Response, Router
from litestar.static_files import create_static_files_router

from deploy.local.proxy import Message, Receive, ReverseProxy, Send
from libs.core.web.problems import HANDLERS

PREFIXES = {
    "/api/uploads": "upload",
    "/api/upload": "upload",
    "/api/session": "upload",
    "/api/formats": "conversion",
    "/api/conversions": "conversion",
    "/api/conversion": "conversion",
    "/api/progress": "progress",
    "/health": "upload",
}
"""The service of each path prefix. nginx.conf and aws/edge.yaml have the same table."""


class Gateway:
    """Send `/api/…` to the services by `PREFIXES`, and serve the page under all other paths."""

    def __init__(self, routes: dict[str, str], page: Path, bucket_origin: str) -> None:
        self._transport = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=None))
        self._proxies = {name: ReverseProxy(url, self._transport) for name, url in routes.items()}
        self._page: Any = Litestar(
            route_handlers=[page_files(page, bucket_origin)],
            exception_handlers=HANDLERS,
            openapi_config=None,
            logging_config=None,
            on_shutdown=[self._transport.aclose],
        )

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        name = service_of(scope["path"]) if scope["type"] == "http" else None
        await (self._proxies[name] if name else self._page)(scope, receive, send)


def service_of(path: str) -> str | None:
    """Return the service that answers a path, or None for the page."""
    for prefix, service in PREFIXES.items():
        if path == prefix or path.startswith(f"{prefix}/"):
            return service
    return None


def content_security_policy(bucket_origin: str) -> str:
    """Return the policy of the page, which may connect to its own origin and to the bucket."""
    directives = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data: blob:",
        "media-src": f"'self' blob: {bucket_origin}",
        "connect-src": f"'self' {bucket_origin}",
        "base-uri": "'none'",
        "object-src": "'none'",
        "frame-ancestors": "'none'",
        "form-action": "'self'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())


def page_files(page: Path, bucket_origin: str) -> Router:
    """Serve the files of the built page with its security headers."""
    headers = {
        "Content-Security-Policy": content_security_policy(bucket_origin),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
    }

    def add_headers(response: Response[Any]) -> Response[Any]:
        response.headers.update(headers)
        return response

    return create_static_files_router(
        "/", [page], html_mode=True, include_in_schema=False, after_request=add_headers
    )


def main() -> None:
    """Serve until SIGTERM."""
    environment = os.environ
    routes = json.loads(environment["GATEWAY_ROUTES"])
    page = Path(environment["GATEWAY_PAGE"])
    uvicorn.run(
        Gateway(routes, page, environment["GATEWAY_BUCKET_ORIGIN"]),
        host=environment["HOST"],
        port=int(environment["PORT"]),
        log_level="warning",
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
