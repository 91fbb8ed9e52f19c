"""Serve an application that answers with the sizes of what it was sent, and make its requests."""

from threading import Event
from typing import Any

import anyio

BODY = bytes(300_000)
HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(BODY)
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"


class Application:
    """Ask for the body of a request when it may, and answer with the sizes of what came."""

    def __init__(self) -> None:
        self.may_ask = Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        await anyio.to_thread.run_sync(self.may_ask.wait, 30)
        blocks: list[int] = []
        more = scope["method"] == "POST"
        while more:
            message = await receive()
            blocks.append(len(message["body"]))
            more = message["more_body"]
        answer = f"{blocks[0] if blocks else 0} {sum(blocks)}".encode()
        length = (b"content-length", str(len(answer)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": answer})


def sizes(answer: bytes) -> tuple[int, int]:
    """Return the bytes that were there when the body was asked for, and those of all of it."""
    first, every = map(int, answer.rpartition(b"\r\n\r\n")[2].split())
    return first, every


def chunked(size: int, count: int, trailers: bytes = b"") -> bytes:
    """Return a request with `count` chunks of `size` bytes."""
    return CHUNKED + (b"%x\r\n%s\r\n" % (size, bytes(size))) * count + b"0\r\n" + trailers + b"\r\n"
