"""Set up the Litestar application of a service: errors, sessions, health, OpenAPI."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from litestar import Litestar, Request, Response
from litestar.di import Provide
from litestar.middleware import ASGIMiddleware
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from libs.core.settings import Settings, VisitorSettings
from libs.core.web.concurrency import LimitConcurrency, permit_of
from libs.core.web.csrf import refuse_forgery
from libs.core.web.health import Check, health_routes, no_skew
from libs.core.web.middleware import RequestContext, RequireHost, answer_options
from libs.core.web.openapi import StrictRequests
from libs.core.web.origin_secret import RequireOriginSecret
from libs.core.web.problems import HANDLERS
from libs.core.web.request import ServiceRequest
from libs.core.web.session import SessionMiddleware, owner_of, usage_of
from libs.core.web.session_tokens import SessionTokens

JSON_BODY_LIMIT = 64 * 1024
"""Bytes of a request body unless a route says otherwise. Our JSON requests are far smaller."""

_OF_VISITORS = {"owner": Provide(owner_of), "usage": Provide(usage_of, sync_to_thread=False)}
"""Dependencies of the routes for visitors: the id of the session, and the counter of its usage."""


def provide(provider: Callable[[], Any]) -> Provide:
    """Wrap a provider of the container in a function, because Litestar needs its signature."""

    def dependency() -> Any:
        return provider()

    return Provide(dependency, sync_to_thread=False)


def service_app(
    name: str,
    settings: Settings,
    routes: Sequence[Any],
    dependencies: Mapping[str, Callable[[], Any]],
    checks: Mapping[str, Check],
    lifespan: Sequence[Any] = (),
    outer_middleware: Sequence[ASGIMiddleware] = (),
    clock_skew: Callable[[], float] = no_skew,
) -> Litestar:
    """Return the application of a service.

    Args:
        name: The service's name, which is in the path of its OpenAPI document.
        settings: Those of the web: cookies, origins, proxies, limits and secrets. Only
            `VisitorSettings` have the session secret. With other settings, no session is valid.
        routes: The service's own handlers and controllers.
        dependencies: Providers of the container, by the names that handlers use. With
            `revoked_sessions` and `rate_limiter` among them, handlers can have an `owner` and
            its `usage`.
        checks: Readiness checks, by the name of what they ask.
        lifespan: Context managers that run around the application.
        outer_middleware: Middleware that sees every request before it is routed.
        clock_skew: Returns by how many seconds the host's clock is behind, for readiness.
    """
    origins = settings.page_origins

    async def before_request(request: Request[Any, Any, Any]) -> Response[Any] | None:
        await permit_of(request).follow(request.scope["route_handler"].opt)
        return answer_options(request) or refuse_forgery(request, origins)

    app = Litestar(
        route_handlers=[*routes, *health_routes(checks, clock_skew)],
        dependencies={
            **{key: provide(provider) for key, provider in dependencies.items()},
            **(_OF_VISITORS if "revoked_sessions" in dependencies else {}),
        },
        request_class=ServiceRequest,
        middleware=[
            SessionMiddleware(session_tokens(settings), secure=settings.secure_cookies),
        ],
        before_request=before_request,
        plugins=[StrictRequests()],
        exception_handlers=HANDLERS,
        request_max_body_size=JSON_BODY_LIMIT,
        lifespan=lifespan,
        logging_config=None,
        openapi_config=OpenAPIConfig(
            title=f"TinyPixo {name}",
            version="1",
            path=f"/api/{name}/schema",
            render_plugins=[JsonRenderPlugin(path=["/", "/openapi.json"])],
        ),
    )
    # Around the whole application: Litestar's own middleware does not see unknown paths. A request
    # passes the last of these first.
    around = (
        *outer_middleware,
        RequireHost(),
        LimitConcurrency(settings.trusted_proxies, settings.requests_per_address),
        # Before the limits of addresses: a request that bypasses CloudFront can name any address.
        RequireOriginSecret(settings.origin_secrets),
        RequestContext(),
    )
    for middleware in around:
        app.asgi_handler = middleware(app.asgi_handler)
    return app


def session_tokens(settings: Settings) -> SessionTokens:
    """Return what issues and reads tokens, by the secrets that all services for visitors share.

    The janitor, and a process that only runs conversions, serve no visitors and have no such
    secret. What they could issue is valid nowhere else.
    """
    if not isinstance(settings, VisitorSettings):
        return SessionTokens(secrets.token_hex(32))
    current, *accepted = settings.session_secrets
    return SessionTokens(current, accepted=accepted)
