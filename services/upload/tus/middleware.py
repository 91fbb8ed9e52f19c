"""Handle what tus asks of every request: version, method override, OPTIONS."""

import json

from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.enums import HttpMethod, ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from libs.core.web.problems import PROBLEM_JSON
from services.upload.tus.headers import ALGORITHMS, EXTENSIONS, VERSION

PATH = "/api/uploads/tus"
_METHODS = {method.value for method in HttpMethod}


class TusProtocol(ASGIMiddleware):
    """Answer OPTIONS, refuse other versions of tus, and set its headers in every response."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass a request of the tus endpoint on, if its version is ours."""
        assert scope["type"] == ScopeType.HTTP
        path, method = scope["path"], scope["method"]
        if not (path == PATH or path.startswith(f"{PATH}/")):
            await next_app(scope, receive, send)
            return

        headers = Headers.from_scope(scope)
        override = headers.get("x-http-method-override", "").upper()
        if override in _METHODS:
            # A copy: the HTTP server looks at its own scope to know if the answer has a body.
            method = HttpMethod(override)
            scope = {**scope, "method": method}

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableScopeHeaders.from_message(message)
                headers["Tus-Resumable"] = VERSION
                headers["Cache-Control"] = "no-store"
                if message["status"] == 412 or method == "OPTIONS":
                    headers["Tus-Version"] = VERSION
            await send(message)

        if method == "OPTIONS":
            await _answer_options(send_marked, self._max_size)
            return
        if headers.get("tus-resumable") != VERSION:
            await _refuse_version(send_marked)
            return
        await next_app(scope, receive, send_marked)


async def _answer_options(send: Send, max_size: int) -> None:
    headers = [
        (b"tus-extension", EXTENSIONS.encode()),
        (b"tus-max-size", str(max_size).encode()),
        (b"tus-checksum-algorithm", ",".join(ALGORITHMS).encode()),
        (b"content-length", b"0"),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _refuse_version(send: Send) -> None:
    body = {
        "type": "/problems/tus_version_unsupported",
        "title": "Version not supported",
        "status": 412,
        "detail": f"This server speaks tus {VERSION}. Send the header Tus-Resumable: {VERSION}.",
        "code": "tus_version_unsupported",
    }
    encoded = json.dumps(body).encode()
    headers = [
        (b"content-type", PROBLEM_JSON.encode()),
        (b"content-length", str(len(encoded)).encode()),
    ]
    await send({"type": "http.response.start", "status": 412, "headers": headers})
    await send({"type": "http.response.body", "body": encoded, "more_body": False})
