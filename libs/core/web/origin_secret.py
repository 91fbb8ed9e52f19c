"""Refuse requests that did not come through CloudFront, which sends a secret with each."""

import hmac
from collections.abc import Sequence

from litestar.datastructures import Headers
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from libs.core.web.problems import problem, send_response

HEADER = "x-origin-secret"


class RequireOriginSecret(ASGIMiddleware):
    """Answer 403 to a request without one of the secrets; without secrets, let all pass.

    Load balancers check the health of a service directly, so that is open.
    """

    scopes = (ScopeType.HTTP,)

    def __init__(self, secrets: Sequence[str]) -> None:
        """Take several secrets while one replaces another."""
        self._secrets = [secret.encode() for secret in secrets]

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Call the application, or refuse."""
        assert scope["type"] == ScopeType.HTTP
        given = Headers.from_scope(scope).get(HEADER, "").encode()
        is_known = any(hmac.compare_digest(given, secret) for secret in self._secrets)
        if is_known or not self._secrets or scope["path"].startswith("/health/"):
            await next_app(scope, receive, send)
            return
        refusal = problem(403, "forbidden", "Use the address of the page.")
        refusal.headers["Connection"] = "close"
        await send_response(refusal, scope, receive, send)
