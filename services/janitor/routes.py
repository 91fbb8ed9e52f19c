"""`POST /sweep`, for schedules. Not behind the gateway, and with a token of its own."""

import hmac
from typing import Any

import msgspec
from litestar import post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler
from litestar.params import JSONBody

from services.janitor.sweep import SweepExpired, SweepResult

Guard = Any


class SweepRequest(msgspec.Struct, forbid_unknown_fields=True):
    """`dry_run`: count what would be done, and do nothing."""

    dry_run: bool = False


def sweep_route(token: str) -> Any:
    """The route, for who knows this token."""

    @post(
        "/sweep",
        status_code=200,
        sync_to_thread=True,
        guards=[_only_with(token)],
        summary="DeleteObjects what has expired or is left over",
    )
    def sweep(
        sweep_once: NamedDependency[SweepExpired], data: JSONBody[SweepRequest | None] = None
    ) -> dict[str, Any]:
        return swept_view(sweep_once(dry_run=bool(data and data.dry_run)))

    return sweep


def swept_view(swept: SweepResult) -> dict[str, Any]:
    """What a sweep did, as the contract has it."""
    return {
        "expired_uploads": swept.expired_uploads,
        "expired_conversions": swept.expired_conversions,
        "erased_objects": swept.erased.objects,
        "erased_bytes": swept.erased.bytes,
        "aborted_multipart_uploads": swept.erased.multipart_uploads,
        "failed": [{"id": failed.id, "reason": failed.reason} for failed in swept.erased.failed],
        "dry_run": swept.dry_run,
        "complete": swept.complete,
        "took_seconds": swept.took_seconds,
    }


def _only_with(token: str) -> Guard:
    expected = f"Bearer {token}".encode()

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        given = connection.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, expected):
            raise NotAuthorizedException(
                "This needs the janitor's token.", headers={"WWW-Authenticate": "Bearer"}
            )

    return guard
