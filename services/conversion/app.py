"""Build the application of the conversion service, with the worker beside it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from litestar import Litestar

from libs.core.web.app import service_app
from services.conversion.container import ConversionContainer
from services.conversion.routes import ConversionController, formats

DEPENDENCIES = (
    "cancel_conversion",
    "delete_conversion",
    "download_conversion",
    "list_conversions",
    "request_conversion",
    "revoked_sessions",
    "show_conversion",
)


def create_app(container: ConversionContainer) -> Litestar:
    """Build the application on this container's adapters."""

    @asynccontextmanager
    async def working(_app: Litestar) -> AsyncIterator[None]:
        worker = container.worker()
        worker.start()
        try:
            yield
        finally:
            await anyio.to_thread.run_sync(worker.stop)

    return service_app(
        "conversion",
        container.settings(),
        [ConversionController, formats],
        {name: getattr(container, name) for name in DEPENDENCIES},
        container.checks(),
        lifespan=[working],
    )
