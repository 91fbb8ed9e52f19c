"""Parse requests, and refuse those that are valid HTTP but take too much time to parse."""

import re
from typing import Any

import h11

MAX_HEADERS = 200
"""Header lines of a request. Browsers send about twenty. h11 takes a hundredth of a second for
6,000, in which no other request is served."""

SMALL_CHUNKS, SMALL_CHUNK = 256, 128
"""A chunked body may have so many chunks, and another one for so many of its bytes. h11 takes 0.2 s
for 256 KiB in chunks of one byte."""

_DETAILS = {
    400: "This request is not valid HTTP.",
    431: "The headers of this request are too long, or too many.",
}
_END_OF_HEADERS = re.compile(rb"\n\r?\n")
_LAST_CHUNK = re.compile(rb"(?:\r?\n)?0+[ \t]*(?:;[^\n]*)?\r?\n")
"""The line of the last chunk, perhaps after the end of the chunk before. Trailers follow."""


class ServerConnection(h11.Connection):
    """Refuse too many headers or chunks, and a request with both kinds of length.

    Of Content-Length and Transfer-Encoding, h11 goes by the latter. Somebody between us and the
    client may have gone by the former, and what is body for one of us would be the next request for
    the other (RFC 9112, 6.3 and 11.2).
    """

    error_status = 400
    """The status of the answer after `next_event` has raised an error: 400 or 431."""
    error_detail = _DETAILS[400]

    def __init__(self) -> None:
        super().__init__(h11.SERVER)
        self._begin_body(is_chunked=False)

    def _begin_body(self, *, is_chunked: bool) -> None:
        self.is_chunked = is_chunked
        """True while the body of a request comes in chunks."""
        self._is_between_chunks = is_chunked
        self._is_in_trailers = False
        self._chunks = self._size = 0

    def next_event(self) -> Any:
        try:
            if self.their_state is h11.IDLE or self._are_trailers_next():
                self._count_headers()
            event = super().next_event()
        except h11.RemoteProtocolError as error:
            self.error_status = 431 if error.error_status_hint == 431 else 400
            self.error_detail = _DETAILS[self.error_status]
            raise
        if isinstance(event, h11.Request):
            names = {name for name, _ in event.headers}
            if {b"content-length", b"transfer-encoding"} <= names:
                raise h11.RemoteProtocolError("the length of the body is ambiguous")
            self._begin_body(is_chunked=b"transfer-encoding" in names)
        elif isinstance(event, h11.Data) and self.is_chunked:
            self._count_chunk(event)
        elif isinstance(event, h11.EndOfMessage):
            self._begin_body(is_chunked=False)
        return event

    def _are_trailers_next(self) -> bool:
        if self._is_between_chunks and not self._is_in_trailers:
            self._is_in_trailers = _LAST_CHUNK.match(self.trailing_data[0]) is not None
        return self._is_in_trailers

    def _count_headers(self) -> None:
        received, _ = self.trailing_data
        end = _END_OF_HEADERS.search(received)
        if received.count(b"\n", 0, end.start() if end else len(received)) > MAX_HEADERS:
            raise h11.RemoteProtocolError("too many headers", error_status_hint=431)

    def _count_chunk(self, data: h11.Data) -> None:
        self._is_between_chunks = data.chunk_end
        self._chunks += data.chunk_start
        self._size += len(data.data)
        if self._chunks > SMALL_CHUNKS + self._size / SMALL_CHUNK:
            self.error_detail = "The chunks of this request's body are too small."
            raise h11.RemoteProtocolError("too many small chunks")
