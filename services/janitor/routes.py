"""Serve `POST /sweep` for schedules, with a token of its own and not behind the gateway."""

import hmac
from typing import Any

from litestar import post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler
from litestar.params import JSONBody

from libs.core.errors import StorageUnavailable
from libs.core.web.openapi import OptionalBodyOperation, problem_response, problems
from services.janitor.schemas import SweepRequest, SweepResultSchema
from services.janitor.sweep import Sweep

Guard = Any


def sweep_route(token: str) -> Any:
    """Return the route; it answers to this token only."""

    @post(
        "/sweep",
        status_code=200,
        sync_to_thread=True,
        guards=[_require(token)],
        operation_id="sweep",
        operation_class=OptionalBodyOperation,
        summary="Delete expired items and everything that no item points at",
        responses={
            401: problem_response("unauthorized"),
            **problems(StorageUnavailable, changes=True, has_body=True, session=False),
        },
    )
    def sweep(
        sweep_once: NamedDependency[Sweep], data: JSONBody[SweepRequest | None] = None
    ) -> SweepResultSchema:
        return SweepResultSchema.of(sweep_once(dry_run=bool(data and data.dry_run)))

    return sweep


def _require(token: str) -> Guard:
    expected = f"Bearer {token}".encode()

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        given = connection.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, expected):
            raise NotAuthorizedException(
                "Send the janitor's token as a bearer token.",
                headers={"WWW-Authenticate": "Bearer"},
            )

    return guard
