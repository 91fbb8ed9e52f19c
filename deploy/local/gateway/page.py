"""Serve the files of the built page."""

from pathlib import Path
from typing import Any

from litestar import Litestar
from litestar.config.compression import CompressionConfig
from litestar.datastructures import CacheControlHeader
from litestar.static_files import create_static_files_router

from deploy.local.gateway.asgi import Message, Receive, Send, send_problem
from libs.core.web.problems import HANDLERS

MAX_NAME = 255
"""The maximum length of a file name in bytes, on all common file systems."""

IMMUTABLE = CacheControlHeader(public=True, max_age=365 * 24 * 3600, immutable=True)
"""For assets, whose names contain a hash of their content."""

REVALIDATED = CacheControlHeader(no_cache=True)


class Page:
    """Serve a folder, and answer 404 for everything else."""

    def __init__(self, folder: Path) -> None:
        files = create_static_files_router(
            "/", [folder], html_mode=True, include_in_schema=False, cache_control=REVALIDATED
        )
        assets = create_static_files_router(
            "/assets", [folder / "assets"], include_in_schema=False, cache_control=IMMUTABLE
        )
        self._app: Any = Litestar(
            route_handlers=[files, assets],
            compression_config=CompressionConfig(backend="gzip", minimum_size=1000),
            exception_handlers=HANDLERS,
            openapi_config=None,
            logging_config=None,
        )

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if is_possible_path(scope["path"]):
            await self._app(scope, receive, send)
        else:
            await send_problem(send, 404, "not_found", "Not Found")


def is_possible_path(path: str) -> bool:
    """Return False for a path that no file can have, which would raise when it is opened."""
    return "\0" not in path and all(
        len(name.encode("utf-8", "replace")) <= MAX_NAME for name in path.split("/")
    )
