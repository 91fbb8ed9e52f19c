"""Read requests with limits on time and depth, and JSON without guessing its types."""

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import msgspec
from litestar import Request
from litestar.exceptions import (
    ClientException,
    HTTPException,
    InternalServerException,
    ValidationException,
)
from msgspec import ValidationError

from libs.core.web.strict_json import convert_strictly

BODY_TIMEOUT = 20.0
"""Seconds for a JSON body to arrive. It has at most 64 KiB."""


MAX_VALUES = 4_000
"""Values of a JSON body. Our longest request, a report of parts, has about a thousand.

A body of 60 KB has up to 20,000 lists. All requests wait while one is parsed, and for the garbage
collector, which looks at every object of the process once there are so many new ones.
"""


class RequestTimeout(HTTPException):
    """Indicate a body that did not arrive in time."""

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
        """Return the parsed body, as the type that the handler declares.

        Litestar alone would take the text "5" for the number 5. Bodies of routes with the option
        `has_many_values` are parsed as their type from the beginning, so that no other value ever
        becomes an object; a whole number is then written without a fraction.

        Raises:
            ClientException: The body is not JSON, is nested too deep or has too many values.
            ValidationException: The body does not fit the type.
        """
        body = await self.body()
        try:
            if self.route_handler.opt.get("has_many_values"):
                return self._decoded(body)
            if sum(map(body.count, (b",", b"[", b"{"))) > MAX_VALUES:
                raise ClientException("The JSON of this request has too many values.")
            return self._as_declared(await super().json())
        except RecursionError as error:
            raise ClientException("The JSON of this request is nested too deep.") from error
        except UnicodeDecodeError as error:
            raise ClientException("The JSON of this request is not UTF-8.") from error

    def _as_declared(self, value: Any) -> Any:
        declared = self.route_handler.parsed_fn_signature.parameters.get("data")
        if declared is None:
            return value
        with self._fields_named():
            return convert_strictly(value, declared.annotation)

    def _decoded(self, body: bytes) -> Any:
        kind = self.route_handler.parsed_fn_signature.parameters["data"].annotation
        try:
            with self._fields_named():
                return msgspec.json.decode(body, type=kind)
        except msgspec.DecodeError as error:
            raise ClientException(str(error)) from error

    @contextmanager
    def _fields_named(self) -> Iterator[None]:
        """Turn an error of msgspec into one that names the field."""
        try:
            yield
        except ValidationError as error:
            raise ValidationException(
                f"Validation failed for {self.method} {self.url.path}", extra=[_field_error(error)]
            ) from error


def _field_error(error: ValidationError) -> dict[str, str]:
    """Return the field and the message of an error, as Litestar gives them for parameters."""
    message, _, place = str(error).partition(" - at ")
    field = re.fullmatch(r"`\$\.(.+)`", place)
    return {"key": field[1] if field else "data", "message": message}
