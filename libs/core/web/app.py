"""The frame of every service's app: problems, session, request ids, health, OpenAPI. A service adds its routes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from litestar import Litestar
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from libs.core.settings import Settings
from libs.core.web.health import Check, health_routes
from libs.core.web.middleware import RequestContext, refuse_other_sites
from libs.core.web.problems import HANDLERS
from libs.core.web.session import owner_of, session_config

JSON_BODY_LIMIT = 64 * 1024
"""Bytes of a request body, but where a route says otherwise: our JSON requests are far smaller."""


def provide(provider: Callable[[], Any]) -> Provide:
    """A dependency of the container for Litestar, which needs a function with a signature."""

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
) -> Litestar:
    """The Litestar app of a service. `dependencies` are the container's providers by the names that handlers use."""
    session = session_config(
        settings.session_secret.get_secret_value(), secure=settings.secure_cookies
    )
    app = Litestar(
        route_handlers=[*routes, *health_routes(checks)],
        dependencies={
            **{key: provide(provider) for key, provider in dependencies.items()},
            "owner": Provide(owner_of, sync_to_thread=False),
        },
        middleware=[session.middleware],
        before_request=refuse_other_sites,
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
    # Around all of Litestar, not among its middlewares: they never see a path that no route has.
    app.asgi_handler = RequestContext()(app.asgi_handler)
    return app
