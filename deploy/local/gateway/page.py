"""Serve the files of the built page."""

from pathlib import Path
from typing import Any

from litestar import Litestar
from litestar.config.compression import CompressionConfig
from litestar.datastructures import CacheControlHeader
from litestar.file_system import BaseLocalFileSystem
from litestar.static_files import create_static_files_router

from deploy.local.gateway.asgi import Message, Receive, Send
from libs.core.web.problems import HANDLERS

IMMUTABLE = CacheControlHeader(public=True, max_age=365 * 24 * 3600, immutable=True)
"""For assets, whose names contain a hash of their content."""

REVALIDATED = CacheControlHeader(no_cache=True)


class PageFiles(BaseLocalFileSystem):
    """Report every path that cannot be looked up as one without a file.

    A path may be too long, lie below a file, or have a character that no path has.
    """

    async def info(self, path: Any, **kwargs: Any) -> Any:
        try:
            return await super().info(path, **kwargs)
        except (OSError, ValueError) as error:
            raise FileNotFoundError(path) from error


class Page:
    """Serve a folder, and answer 404 for everything else."""

    def __init__(self, folder: Path) -> None:
        files = create_static_files_router(
            "/",
            [folder],
            file_system=PageFiles(),
            html_mode=True,
            include_in_schema=False,
            cache_control=REVALIDATED,
        )
        assets = create_static_files_router(
            "/assets",
            [folder / "assets"],
            file_system=PageFiles(),
            include_in_schema=False,
            cache_control=IMMUTABLE,
        )
        self._app: Any = Litestar(
            route_handlers=[files, assets],
            compression_config=CompressionConfig(backend="gzip", minimum_size=1000),
            exception_handlers=HANDLERS,
            openapi_config=None,
            logging_config=None,
        )

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)
