"""Define the types of ASGI, and send problem documents (RFC 9457) without a framework."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from libs.core.errors import title_of

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

PROBLEM_JSON = b"application/problem+json"

BAD_REQUEST = "This request is not valid HTTP."


def problem_document(status: int, code: str, detail: str) -> bytes:
    """Return a problem document as JSON."""
    document = {
        "type": f"/problems/{code}",
        "title": title_of(code),
        "status": status,
        "code": code,
        "detail": detail,
    }
    return json.dumps(document).encode()


async def send_problem(
    send: Send, status: int, code: str, detail: str, headers: Headers | None = None
) -> None:
    """Answer a request with a problem document."""
    body = problem_document(status, code, detail)
    common = [
        (b"content-type", PROBLEM_JSON),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    every = [*common, *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": every})
    await send({"type": "http.response.body", "body": body})
