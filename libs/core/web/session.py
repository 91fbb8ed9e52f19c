"""Keep sessions in one encrypted token: a cookie for browsers, a bearer token for other clients.

The token contains only a random session id. All services decrypt it with the same secret, so no
session is stored or looked up.
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
from libs.core.web.openapi import problems
from libs.core.web.schemas import SessionSchema, rfc3339

LIFETIME = 30 * 24 * 3600
"""Seconds that a session lasts after its last use in a browser. Files are deleted far sooner."""

_BEARER = "bearer "


class SessionBackend(ClientSideSessionBackend):
    """Load Litestar's cookie session, or the token of the Authorization header if there is one."""

    async def load_from_connection(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> dict[str, Any]:
        """Return the session's data; `{"invalid": True}` for a bearer token that is not ours."""
        bearer = _bearer(connection)
        if bearer is None:
            return await super().load_from_connection(connection)
        try:
            session = self.load_data([bearer.encode()])
        except (InvalidTag, ValueError, KeyError):
            session = {}
        # An empty session would get a new owner. A wrong token must be refused instead.
        return session if session.get("sid") else {"invalid": True}

    async def store_in_message(
        self,
        scope_session: ScopeSession,
        message: Message,
        connection: ASGIConnection[Any, Any, Any, Any],
    ) -> None:
        """Set the cookie, but not for clients that use a bearer token."""
        if _bearer(connection) is None:
            await super().store_in_message(scope_session, message, connection)


def session_config(secret: str, *, secure: bool) -> CookieBackendConfig:
    """Return the session settings of all services.

    Args:
        secret: Any text of at least 32 characters, the same for all services.
        secure: True if browsers may send the cookie over TLS only.
    """
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
    """Return the id of the request's session; its first request creates one.

    Raises:
        SessionInvalid: The bearer token is malformed, forged or expired.
    """
    session = request.session
    if session.get("invalid"):
        raise SessionInvalid(
            "This token is not valid (any more). Ask for a new one with POST /api/session."
        )
    return str(session.setdefault("sid", secrets.token_urlsafe(16)))


def session_route(config: CookieBackendConfig) -> Any:
    """Return `POST /api/session`, for clients without cookies."""
    backend = SessionBackend(config)

    @post(
        "/api/session",
        sync_to_thread=False,
        operation_id="createSession",
        summary="Create a session for a client without cookies",
        responses=problems(changes=True, session=False),
    )
    def create_session() -> Response[SessionSchema]:
        expires_at = datetime.now(UTC).timestamp() + LIFETIME
        token = b"".join(backend.dump_data({"sid": secrets.token_urlsafe(16)})).decode()
        return Response(
            SessionSchema(token=token, expires_at=rfc3339(expires_at)),
            status_code=201,
            headers={"Cache-Control": "no-store"},
        )

    return create_session


def _bearer(connection: ASGIConnection[Any, Any, Any, Any]) -> str | None:
    header = connection.headers.get("authorization", "")
    return header[len(_BEARER) :].strip() if header.lower().startswith(_BEARER) else None
