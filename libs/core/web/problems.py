"""Answer every error as `application/problem+json` (RFC 9457), with a stable `code`.

This is the only module that gives an error of the domain an HTTP status. Litestar's own plugin for
problem details is not used: it leaves out headers such as `Retry-After` and `Allow`.
"""

from http import HTTPStatus
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import Receive, Scope, Send

from libs.core import errors
from libs.core.errors import CoreError, title_of
from libs.core.telemetry import shorten

log = structlog.get_logger(__name__)

PROBLEM_JSON = "application/problem+json"

STATUS: dict[type[CoreError], int] = {
    errors.UploadNotFound: 404,
    errors.ConversionNotFound: 404,
    errors.ItemNotFound: 404,
    errors.ObjectMissing: 410,
    errors.FilenameInvalid: 422,
    errors.FileEmpty: 422,
    errors.FileTooLarge: 413,
    errors.UploadIncomplete: 409,
    errors.UploadClosed: 409,
    errors.TooManyConversions: 409,
    errors.UploadJoined: 403,
    errors.PartNumberInvalid: 422,
    errors.PartSizeMismatch: 422,
    errors.ChecksumMismatch: 422,
    errors.OffsetMismatch: 409,
    errors.UploadLocked: 423,
    errors.TusRequestInvalid: 400,
    errors.MediaTypeUnsupported: 415,
    errors.FormatUnsupported: 422,
    errors.OptionInvalid: 422,
    errors.IdempotencyKeyReused: 422,
    errors.CursorInvalid: 422,
    errors.NotReady: 409,
    errors.ConversionFinished: 409,
    errors.Gone: 410,
    errors.SessionInvalid: 401,
    errors.RateLimited: 429,
    errors.StorageUnavailable: 503,
    errors.LeaseLost: 409,
    errors.PartsChanged: 409,
    errors.MultipartUploadGone: 409,
}

HTTP_CODES = {
    400: "request_invalid",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "body_too_large",
    415: "media_type_unsupported",
    422: "validation_failed",
    429: "rate_limited",
    500: "internal",
}
"""Codes of errors that do not come from the domain, by their status."""


def problem(status: int, code: str, detail: str, **more: Any) -> Response[Any]:
    """Return a problem document as a response.

    Args:
        status: The HTTP status.
        code: The stable name of the error, which decides its title.
        detail: A sentence that says what a person can do.
        more: Further members. `retry_after` (seconds) becomes the header `Retry-After` as well.
    """
    headers = {"Retry-After": str(more["retry_after"])} if "retry_after" in more else {}
    body = {
        "type": f"/problems/{code}",
        "title": title_of(code),
        "status": status,
        "detail": detail,
        "code": code,
        **more,
    }
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(body, status_code=status, media_type=PROBLEM_JSON, headers=headers)


def on_core_error(request: Request[Any, Any, Any], error: CoreError) -> Response[Any]:
    """Answer an error of the domain with its status from `STATUS`."""
    status = status_of(type(error))
    if status is None:
        return on_any_error(request, error)
    return problem(status, error.code, error.detail, **error.context)


def status_of(kind: type[CoreError]) -> int | None:
    """Return the status of an error class, or of its nearest base class in `STATUS`."""
    return next((STATUS[base] for base in kind.__mro__ if base in STATUS), None)


def on_validation_error(
    _request: Request[Any, Any, Any], error: ValidationException
) -> Response[Any]:
    """Answer 422 with each field and its error, or 400 if the request cannot be read at all."""
    extra: Any = error.extra
    if not isinstance(extra, list):
        return problem(400, "request_invalid", error.detail)
    found = [{"field": str(e.get("key", "")), "message": str(e.get("message", ""))} for e in extra]
    named = "; ".join(
        f"{e['field']}: {e['message']}" if e["field"] else e["message"] for e in found
    )
    return problem(
        422,
        "validation_failed",
        f"Some fields of this request are missing or wrong: {named}.",
        errors=found,
    )


def on_http_error(_request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """Answer an error of Litestar: unknown path, wrong method, body too large."""
    code = HTTP_CODES.get(error.status_code, "http_error")
    response = problem(error.status_code, code, error.detail)
    for name, value in (error.headers or {}).items():
        response.set_header(name, value)
    return response


def on_any_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Log an unexpected error in full, and answer 500 without any of its details."""
    path = shorten(request.scope["path"])
    log.error("request.failed", method=request.method, path=path, exc_info=error)
    return internal_error()


def host_invalid() -> Response[Any]:
    """Return the problem document of a request whose `Host` is not a host."""
    return problem(400, "request_invalid", "The header Host names no host.")


def internal_error() -> Response[Any]:
    """Return the problem document of an internal error, without its cause."""
    return problem(
        500,
        "internal",
        "Something went wrong on our side. Please try again. If it happens again, report the "
        "request id.",
    )


async def send_response(
    response: Response[Any], scope: Scope, receive: Receive, send: Send
) -> None:
    """Send a response from outside of the application, where Litestar does not do it."""
    answer = response.to_asgi_response(app=None, request=Request(scope))
    await answer(scope, receive, send)


HANDLERS: dict[Any, Any] = {
    CoreError: on_core_error,
    ValidationException: on_validation_error,
    HTTPException: on_http_error,
    Exception: on_any_error,
}

__all__ = [
    "HANDLERS",
    "HTTP_CODES",
    "PROBLEM_JSON",
    "STATUS",
    "problem",
    "send_response",
    "status_of",
]
