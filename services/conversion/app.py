"""The conversion service: `create_app` builds the whole of it, worker included."""

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
    "show_conversion",
)


def create_app(container: ConversionContainer) -> Litestar:
    """The app on what this container wires."""

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
