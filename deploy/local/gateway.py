"""The gateway of `make run`: the page and the services behind one port, as nginx or CloudFront do it elsewhere.

`python -m deploy.local.gateway`, told by GATEWAY_ROUTES (JSON: service → URL), GATEWAY_PAGE (folder of the built
page), GATEWAY_MEDIA (the origin that presigned URLs point to), HOST and PORT.
"""

import json
import os
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from litestar import Litestar, Response, Router
from litestar.static_files import create_static_files_router

from deploy.local.proxy import Message, Proxy, Receive, Send
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
"""Which service answers which paths; the same table stands in nginx's configuration and in the edge's template."""


class Gateway:
    """An ASGI app: `/api/…` by `PREFIXES`, all else from the page's folder."""

    def __init__(self, routes: dict[str, str], page: Path, media: str) -> None:
        self._transport = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=None))
        self._proxies = {name: Proxy(base, self._transport) for name, base in routes.items()}
        self._page: Any = Litestar(
            route_handlers=[page_files(page, media)],
            exception_handlers=HANDLERS,
            openapi_config=None,
            logging_config=None,
            on_shutdown=[self._transport.aclose],
        )

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        name = service_of(scope["path"]) if scope["type"] == "http" else None
        await (self._proxies[name] if name else self._page)(scope, receive, send)


def service_of(path: str) -> str | None:
    """The service that answers a path; None for the page."""
    return next((name for prefix, name in PREFIXES.items() if path == prefix or path.startswith(f"{prefix}/")), None)


def page_files(page: Path, media: str) -> Router:
    """The built page: scripts and styles only from here, audio and uploads also at the bucket's origin `media`."""
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob: {media}; "
        f"connect-src 'self' {media}; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'self'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
    }

    def secured(response: Response[Any]) -> Response[Any]:
        response.headers.update(headers)
        return response

    return create_static_files_router("/", [page], html_mode=True, include_in_schema=False, after_request=secured)


def main() -> None:
    """Serves until SIGTERM."""
    environment = os.environ
    app = Gateway(json.loads(environment["GATEWAY_ROUTES"]), Path(environment["GATEWAY_PAGE"]), environment["GATEWAY_MEDIA"])
    host, port = environment["HOST"], int(environment["PORT"])
    uvicorn.run(app, host=host, port=port, log_level="warning", server_header=False, date_header=False, timeout_graceful_shutdown=2)


if __name__ == "__main__":
    main()
