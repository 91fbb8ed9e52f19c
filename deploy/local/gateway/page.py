"""Serve the files of the built page."""

from pathlib import Path
from typing import Any

from litestar import Litestar
from litestar.static_files import create_static_files_router

from deploy.local.gateway.asgi import Message, Receive, Send, send_problem
from libs.core.web.problems import HANDLERS

MAX_NAME = 255
"""The maximum length of a file name in bytes, on all common file systems."""


class Page:
    """Serve a folder, and answer 404 for everything else."""

    def __init__(self, folder: Path) -> None:
        files = create_static_files_router("/", [folder], html_mode=True, include_in_schema=False)
        self._app: Any = Litestar(
            route_handlers=[files],
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
