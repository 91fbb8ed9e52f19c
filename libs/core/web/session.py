"""Sessions: one encrypted token, in a cookie for browsers, as a bearer token for everybody else.

The token holds nothing but a random session id, and every service opens it with the same secret: no store, no look-up.
"""

import hashlib
import secrets
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from litestar import Request, Response, post
from litestar.connection import ASGIConnection
from litestar.middleware.session.client_side import ClientSideSessionBackend, CookieBackendConfig
from litestar.types import Message, ScopeSession

from libs.core.errors import SessionInvalid

LIFETIME = 30 * 24 * 3600
"""Seconds a session lasts after its last use in a browser; files live far shorter."""

_BEARER = "bearer "


class SessionBackend(ClientSideSessionBackend):
    """Litestar's cookie session, which takes its token from the Authorization header where there is one."""

    async def load_from_connection(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> dict[str, Any]:
        bearer = _bearer(connection)
        if bearer is None:
            return await super().load_from_connection(connection)
        try:
            session = self.load_data([bearer.encode()])
        except (InvalidTag, ValueError, KeyError):
            session = {}
        # An empty session would be given a new owner: a stranger's token must not become anybody.
        return session if session.get("sid") else {"invalid": True}

    async def store_in_message(
        self,
        scope_session: ScopeSession,
        message: Message,
        connection: ASGIConnection[Any, Any, Any, Any],
    ) -> None:
        if _bearer(connection) is None:
            await super().store_in_message(scope_session, message, connection)


def session_config(secret: str, *, secure: bool) -> CookieBackendConfig:
    """The session of all services, by their common secret (any text of 32 characters or more)."""
    config = CookieBackendConfig(
        secret=hashlib.sha256(secret.encode()).digest(),
        key="session",
        max_age=LIFETIME,
        secure=secure,
        httponly=True,
        samesite="lax",
        exclude=["^/health", "/schema", "^/sweep"],
    )
    config._backend_class = SessionBackend
    return config


def owner_of(request: Request[Any, Any, Any]) -> str:
    """Who asks: the session's id, given at the first request. Raises SessionInvalid for a bad bearer token."""
    session = request.session
    if session.get("invalid"):
        raise SessionInvalid(
            "This token is not valid (any more). Ask for a new one with POST /api/session."
        )
    return str(session.setdefault("sid", secrets.token_urlsafe(16)))


def session_route(config: CookieBackendConfig) -> Any:
    """`POST /api/session` for clients without cookies."""
    backend = SessionBackend(config)

    @post("/api/session", sync_to_thread=False, summary="A token for clients without cookies")
    def create_session() -> Response[dict[str, str]]:
        expires_at = datetime.now(UTC).timestamp() + LIFETIME
        token = b"".join(backend.dump_data({"sid": secrets.token_urlsafe(16)})).decode()
        return Response(
            {"token": token, "expires_at": rfc3339(expires_at)},
            status_code=201,
            headers={"Cache-Control": "no-store"},
        )

    return create_session


def rfc3339(epoch: float) -> str:
    """Epoch seconds as a time in UTC, to the millisecond."""
    return (
        datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def _bearer(connection: ASGIConnection[Any, Any, Any, Any]) -> str | None:
    header = connection.headers.get("authorization", "")
    return header[len(_BEARER) :].strip() if header.lower().startswith(_BEARER) else None
