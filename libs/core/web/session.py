"""Keep each session in an encrypted token, which is sent as a cookie or as a bearer token.

The token contains a random session id, its expiry, and whether the session was counted for its
address (`Session.is_counted`). All services for visitors decrypt it with the same secret, so
sessions are not stored; only revoked ones are.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import anyio
from litestar import Request, Response, delete, post
from litestar.datastructures import Cookie, Headers, MutableScopeHeaders
from litestar.di import NamedDependency
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from libs.core.errors import RateLimited, SessionInvalid, StorageUnavailable
from libs.core.ports.revoked_sessions import RevokedSessions
from libs.core.rate_limiter import RateLimiter, Usage
from libs.core.web.concurrency import RequestPermit
from libs.core.web.openapi import problems
from libs.core.web.schemas import SessionSchema, rfc3339
from libs.core.web.session_tokens import LIFETIME, SessionTokens

RENEW_AFTER = 24 * 3600
"""Seconds after which a cookie is renewed. It then lasts for another `LIFETIME`."""

REVOKED_FOR = LIFETIME + 3600
"""Seconds for which a revocation is stored, an hour longer than a cookie is valid. Processes learn
of a revocation some seconds late, and renew the session's cookies until then."""

MAX_COOKIES = 4
"""Maximum number of cookies of the session's name in a request. To read one takes 3 µs."""

_BEARER = "bearer "


@dataclass
class Session:
    """Hold the session of one request."""

    id: str | None = None
    """None if the request has no valid token or cookie, has cookies of two sessions, or has more
    than `MAX_COOKIES`. `owner_of` sets it to None if the session is revoked.

    See `ensure_session` for what happens then.
    """
    is_counted: bool = True
    """True if the session counts towards the limit of sessions of its address. Without meaning
    while `id` is None.

    A session that `start` began counts only when it creates something or signs upload URLs, because
    its cookie may never come back. One that `create_session` began counts at once.
    """
    is_bearer: bool = False
    """True if the request has a bearer token, valid or not."""
    is_old: bool = False
    """True if the cookie is to be renewed. Only `owner_of` does that, after it has looked for a
    revocation."""
    began_at: float = field(default_factory=time.time)
    """When the request began. Its cookie lasts from then: a request may take hours, and its session
    be revoked meanwhile."""
    sets_cookie: bool = False
    clears_cookie: bool = False
    address: str = ""
    """Keyed digest of the client's address. All sessions of an address share its limits."""

    def start(self) -> str:
        """Begin a new session, whose cookie goes out with the response."""
        self.id = secrets.token_urlsafe(16)
        self.is_counted, self.sets_cookie = False, True
        return self.id


class SessionMiddleware(ASGIMiddleware):
    """Read the session from the request, and set its cookie in the response.

    The name of a cookie that needs HTTPS begins with `__Host-`. Browsers refuse such a cookie if
    another host of the same domain sets it. Without HTTPS, such a host can set a cookie that has
    the same name as ours, and browsers then send both.
    """

    scopes = (ScopeType.HTTP,)

    def __init__(self, tokens: SessionTokens, *, secure: bool) -> None:
        """Send cookies that need HTTPS if `secure`."""
        self._tokens = tokens
        self._secure = secure
        self._name = "__Host-session" if secure else "session"

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Call the application with `scope["session"]`."""
        session = self._load(Headers.from_scope(scope))
        permit: RequestPermit = scope["permit"]  # type: ignore[typeddict-item]
        session.address = self._tokens.hide_address(permit.address)
        scope["session"] = session

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and not session.is_bearer:
                cookie = self._cookie(session)
                if cookie is not None:
                    headers = MutableScopeHeaders.from_message(message)
                    headers.add("Set-Cookie", cookie.to_header(header=""))
            await send(message)

        await next_app(scope, receive, send_with_cookie)

    def _load(self, headers: Headers) -> Session:
        bearer = _bearer(headers)
        if bearer is not None:
            token = self._tokens.read(bearer)
            if token is None:
                return Session(is_bearer=True)
            return Session(token.session_id, token.is_counted, is_bearer=True)
        cookies = list(islice(_cookies(headers, self._name), MAX_COOKIES + 1))
        valid = [token for each in cookies if (token := self._tokens.read(each))]
        # Cookies that were not read may be of another session. If there are two sessions, another
        # host has set one of the cookies, and nothing says which one. Files must go to neither.
        if len(cookies) > MAX_COOKIES or len({token.session_id for token in valid}) != 1:
            return Session()
        token = max(valid, key=lambda each: each.expires_at)
        is_old = token.expires_at - time.time() < LIFETIME - RENEW_AFTER
        return Session(token.session_id, token.is_counted, is_old=is_old)

    def _cookie(self, session: Session) -> Cookie | None:
        if session.clears_cookie:
            return self._with_value("", max_age=0)
        if session.sets_cookie and session.id is not None:
            token = self._tokens.issue(
                session.id, is_counted=session.is_counted, issued_at=session.began_at
            )
            return self._with_value(token, max_age=LIFETIME)
        return None

    def _with_value(self, value: str, max_age: int) -> Cookie:
        return Cookie(
            self._name,
            value=value,
            path="/",
            max_age=max_age,
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )


def ensure_session(request: Request[Any, Any, Any]) -> str:
    """Return the id of the request's session, or begin one if there is none and no bearer token.

    Whether the session is revoked is not checked: `owner_of` does that.

    Raises:
        SessionInvalid: The bearer token is malformed, forged or expired.
    """
    session = session_of(request)
    if session.id is not None:
        return session.id
    if session.is_bearer:
        raise _invalid()
    return session.start()


async def owner_of(
    request: Request[Any, Any, Any],
    revoked_sessions: NamedDependency[RevokedSessions],
) -> str:
    """Return the id of the request's session, or of a new one.

    The session owns all that the request creates. The request may see only what its session owns.

    If the request has no session (see `Session.id`) or a revoked one, and no bearer token, a new
    session begins.

    Raises:
        SessionInvalid: The bearer token is malformed, forged, expired or revoked.
        StorageUnavailable: The table does not answer.
    """
    session = session_of(request)
    if session.id is not None:
        if await anyio.to_thread.run_sync(revoked_sessions.is_revoked, session.id):
            session.id = None
        else:
            session.sets_cookie |= session.is_old
    return ensure_session(request)


def usage_of(
    request: Request[Any, Any, Any],
    owner: NamedDependency[str],
    rate_limiter: NamedDependency[RateLimiter],
) -> Usage:
    """Return the counter of what this request uses."""
    session = session_of(request)

    def count_session() -> None:
        if not session.is_counted:
            _count(session.address, rate_limiter, session.id)
            session.is_counted = session.sets_cookie = True

    return Usage(owner, session.address, rate_limiter, count_session)


def session_of(request: Request[Any, Any, Any]) -> Session:
    """Return the session that the middleware found."""
    session: Session = request.scope["session"]  # type: ignore[assignment]
    return session


def session_routes(tokens: SessionTokens) -> list[Any]:
    """Return the routes that create and revoke sessions."""

    @post(
        "/api/session",
        operation_id="createSession",
        summary="Create a session for a client without cookies",
        responses=problems(RateLimited, changes=True, session=False),
    )
    async def create_session(
        request: Request[Any, Any, Any], rate_limiter: NamedDependency[RateLimiter]
    ) -> Response[SessionSchema]:
        await anyio.to_thread.run_sync(_count, session_of(request).address, rate_limiter)
        token = tokens.issue(secrets.token_urlsafe(16))
        return Response(
            SessionSchema(token=token, expires_at=rfc3339(time.time() + LIFETIME)),
            status_code=201,
        )

    @delete(
        "/api/session",
        sync_to_thread=True,
        operation_id="deleteSession",
        summary="Revoke the session, or clear its cookie if it has created nothing yet",
        responses=problems(changes=True),
    )
    def delete_session(
        request: Request[Any, Any, Any],
        revoked_sessions: NamedDependency[RevokedSessions],
        rate_limiter: NamedDependency[RateLimiter],
    ) -> None:
        session = session_of(request)
        # A revocation is stored for longer than a month. Anybody can begin any number of sessions
        # that were not counted, so the cookies of those are only cleared. Nothing clears a bearer
        # token, so its session is revoked, counted or not.
        if session.id is not None and (session.is_bearer or session.is_counted):
            if not revoked_sessions.is_revoked(session.id):
                _count(session.address, rate_limiter)
                revoked_sessions.revoke(session.id, int(time.time()) + REVOKED_FOR)
            elif session.is_bearer:
                raise _invalid()
        elif session.is_bearer:
            raise _invalid()
        session.clears_cookie = session.id is not None

    return [create_session, delete_session]


def _count(address: str, rate_limiter: RateLimiter, session: str | None = None) -> None:
    """Count a session that begins or ends. While the table does not answer, none is counted."""
    with suppress(StorageUnavailable):
        rate_limiter.count_session(address, session)


def _invalid() -> SessionInvalid:
    return SessionInvalid(
        "This token is invalid or has expired. Ask for a new one with POST /api/session."
    )


def _bearer(headers: Headers) -> str | None:
    header = headers.get("authorization", "")
    return header[len(_BEARER) :].strip() if header.lower().startswith(_BEARER) else None


def _cookies(headers: Headers, name: str) -> Iterator[str]:
    """Yield every value of a cookie: a host of the same domain may have set one as well."""
    for header in headers.getall("cookie", []):
        for pair in header.split(";"):
            found, _, value = pair.strip().partition("=")
            if found == name:
                yield value.strip('"')
