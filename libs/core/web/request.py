"""Read requests with limits on time and depth."""

from collections.abc import AsyncGenerator
from typing import Any

import anyio
from litestar import Request
from litestar.exceptions import ClientException, HTTPException, InternalServerException

BODY_TIMEOUT = 20.0
"""Seconds for a JSON body to arrive. It has at most 64 KiB."""


class RequestTimeout(HTTPException):
    """Indicates a body that did not arrive in time."""

    status_code = 408


class ServiceRequest(Request[Any, Any, Any]):
    """Answer 4xx, not 500, to a body that breaks off, is late or is nested too deep."""

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield the blocks of the body.

        Raises:
            ClientException: The client closed the connection before the body was complete.
        """
        try:
            async for block in super().stream():
                yield block
        except InternalServerException as error:
            raise ClientException("The connection closed before the body was complete.") from error

    async def body(self) -> bytes:
        """Return the whole body, for routes that take JSON.

        Raises:
            RequestTimeout: The body did not arrive within `BODY_TIMEOUT` seconds.
        """
        try:
            with anyio.fail_after(BODY_TIMEOUT):
                return await super().body()
        except TimeoutError as error:
            raise RequestTimeout("The body did not arrive in time. Please try again.") from error

    async def json(self) -> Any:
        """Return the parsed body.

        Raises:
            ClientException: The body is nested too deep to be parsed, or a text in it is not UTF-8.
        """
        try:
            return await super().json()
        except RecursionError as error:
            raise ClientException("The JSON of this request is nested too deep.") from error
        except UnicodeDecodeError as error:
            raise ClientException("The JSON of this request is not UTF-8.") from error
