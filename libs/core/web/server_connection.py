"""Parse requests, and refuse those that are valid HTTP but take too much time to parse."""

import re
from typing import Any

import h11

MAX_HEADERS = 200
"""Header lines of a request. Browsers send about twenty. h11 takes a hundredth of a second for
6,000, in which no other request is served."""

MAX_BLANKS = 128
"""Spaces and tabs in a row. If an invalid byte follows, h11's time grows with their square, and is
0.5 s for 16,000."""

SMALL_CHUNKS, SMALL_CHUNK = 256, 128
"""A chunked body may have so many chunks, and another one for so many of its bytes. h11 takes 0.2 s
for 256 KiB in chunks of one byte."""

MAX_CHUNK_LINE = 256
"""Bytes of the line before a chunk: its size, and extensions, which nobody uses."""

_DETAILS = {
    400: "This request is not valid HTTP.",
    431: "The headers of this request are too long, or too many.",
}
_END_OF_HEADERS = re.compile(rb"\n\r?\n")
_CHUNK_LINE = re.compile(rb"(?:\r?\n)?([0-9A-Fa-f]{1,20})[ \t]*(?:;[^\r\n]*)?\r\n")
"""The line before a chunk, perhaps after the end of the chunk before."""


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
            if self._is_between_chunks:
                self._read_chunk_line()
            if self.their_state is h11.IDLE or self._is_in_trailers:
                self._check_headers()
            event = super().next_event()
        except h11.RemoteProtocolError as error:
            self.error_status = 431 if error.error_status_hint == 431 else 400
            self.error_detail = _DETAILS[self.error_status]
            if isinstance(error, _TinyChunks):
                self.error_detail = str(error)
            raise
        if isinstance(event, h11.Request):
            names = {name for name, _ in event.headers}
            if {b"content-length", b"transfer-encoding"} <= names:
                raise h11.RemoteProtocolError("the length of the body is ambiguous")
            self._begin_body(is_chunked=b"transfer-encoding" in names)
        elif isinstance(event, h11.Data) and self.is_chunked:
            self._size += len(event.data)
            self._is_between_chunks = event.chunk_end
        elif isinstance(event, h11.EndOfMessage):
            self._begin_body(is_chunked=False)
        return event

    def _read_chunk_line(self) -> None:
        """Find out if h11 is about to read a chunk or trailers. It does not tell."""
        received, _ = self.trailing_data
        line = _CHUNK_LINE.match(received, 0, MAX_CHUNK_LINE)
        if line is None:
            if len(received) >= MAX_CHUNK_LINE:
                raise h11.RemoteProtocolError("the line before a chunk is too long")
            return
        self._is_between_chunks = False
        self._is_in_trailers = int(line[1], 16) == 0
        self._chunks += 1
        if self._chunks > SMALL_CHUNKS + self._size / SMALL_CHUNK and not self._is_in_trailers:
            raise _TinyChunks("The chunks of this request's body are too small.")

    def _check_headers(self) -> None:
        received, _ = self.trailing_data
        end = _END_OF_HEADERS.search(received)
        headers = received[: end.start()] if end else received
        if headers.count(b"\n") > MAX_HEADERS:
            raise h11.RemoteProtocolError("too many headers", error_status_hint=431)
        if b" " * MAX_BLANKS in headers.replace(b"\t", b" "):
            raise h11.RemoteProtocolError("too many blanks in a header")


class _TinyChunks(h11.RemoteProtocolError):
    """Indicate a body of tiny chunks. The message is for the client."""
