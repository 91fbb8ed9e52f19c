"""Build the application of the conversion service, with the worker beside it or alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from litestar import Litestar

from libs.core.background import retry_forever, run_in_background
from libs.core.web.app import service_app
from services.conversion.container import ConversionContainer
from services.conversion.routes import ConversionController, formats
from services.conversion.settings import ConversionSettings
from services.conversion.worker.scale_in_protection import CHECK_EVERY

DEPENDENCIES = (
    "cancel_conversion",
    "delete_conversion",
    "download_conversion",
    "list_conversions",
    "rate_limiter",
    "request_conversion",
    "revoked_sessions",
    "show_conversion",
)


def create_app(container: ConversionContainer) -> Litestar:
    """Build the application on this container's adapters.

    A worker alone answers probes, and has no route that opens a session.
    """
    settings = container.settings()
    routes = [ConversionController, formats] if isinstance(settings, ConversionSettings) else []

    @asynccontextmanager
    async def working(_app: Litestar) -> AsyncIterator[None]:
        worker = container.worker()
        worker.start()
        try:
            yield
        finally:
            await anyio.to_thread.run_sync(worker.stop)

    lifespans: list[Any] = [working]
    if settings.ecs_agent_uri:
        protect = retry_forever(container.protect_task(), pause=CHECK_EVERY)
        lifespans.append(run_in_background("protection", protect))

    app = service_app(
        "conversion",
        settings,
        routes,
        {name: getattr(container, name) for name in DEPENDENCIES} if routes else {},
        container.checks(),
        clock_skew=container.aws.clock_skew(),
        lifespan=lifespans,
    )
    # At SIGTERM, before open requests have ended: the process may be killed a moment later.
    app.state.on_drain = lambda: container.worker().begin_stop()
    return app
