"""Add latency to connections and limit their bandwidth, with a TCP proxy."""

import asyncio
import time
from urllib.parse import urlsplit

from tests.server_thread import ServerThread

BLOCK = 16 * 1024


class TcpProxy(ServerThread):
    """Forward connections to `upstream` with the same delay and bandwidth in both directions.

    `latency` is in seconds, `rate` in bytes a second of each connection. Both may be changed while
    the proxy runs.
    """

    def __init__(self, upstream: str, latency: float = 0.0, rate: float = float("inf")) -> None:
        # A small buffer, so that the sender notices the limited rate.
        super().__init__(buffer=BLOCK)
        split = urlsplit(upstream)
        self._upstream = (str(split.hostname), int(split.port or 80))
        self.latency = latency
        self.rate = rate
        self.open = 0
        """Number of open connections."""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward what either side sends, until both have ended."""
        self.open += 1
        upstream_writer: asyncio.StreamWriter | None = None
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection(
                *self._upstream, limit=BLOCK
            )
            await asyncio.gather(
                self._forward(reader, upstream_writer), self._forward(upstream_reader, writer)
            )
        finally:
            self.open -= 1
            if upstream_writer:
                upstream_writer.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        in_transit: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        delivery = asyncio.create_task(self._deliver(in_transit, writer))
        try:
            while data := await reader.read(int(min(BLOCK, max(1, self.rate / 10)))):
                in_transit.put_nowait((time.monotonic() + self.latency, data))
                await asyncio.sleep(len(data) / self.rate)
            in_transit.put_nowait((time.monotonic() + self.latency, b""))
            await delivery
        finally:
            delivery.cancel()

    async def _deliver(
        self, in_transit: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter
    ) -> None:
        while True:
            due, data = await in_transit.get()
            await asyncio.sleep(due - time.monotonic())
            if not data:
                writer.write_eof()
                return
            writer.write(data)
            await writer.drain()
