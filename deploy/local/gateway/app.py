"""Route requests to the services, and all others to the page."""

from collections.abc import Collection
from pathlib import Path

from deploy.local.gateway.asgi import Message, Receive, Send
from deploy.local.gateway.middleware import GatewayMiddleware
from deploy.local.gateway.page import Page
from deploy.local.gateway.proxy import ReverseProxy, open_transports

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

    def __init__(self, routes: dict[str, str], page: Path) -> None:
        transports = open_transports()
        self._proxies = {name: ReverseProxy(url, transports) for name, url in routes.items()}
        self._page = Page(page)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        name = service_of(scope["path"]) if scope["type"] == "http" else None
        await (self._proxies[name] if name else self._page)(scope, receive, send)


def service_of(path: str) -> str | None:
    """Return the service that answers a path, or None for the page."""
    for prefix, service in PREFIXES.items():
        if path == prefix or path.startswith(f"{prefix}/"):
            return service
    return None


def gateway_app(
    routes: dict[str, str], page: Path, headers: dict[str, str], names: Collection[str] = ()
) -> GatewayMiddleware:
    """Return the gateway with its middleware. `routes` are the URLs of the services by name."""
    return GatewayMiddleware(Gateway(routes, page), headers, names)
