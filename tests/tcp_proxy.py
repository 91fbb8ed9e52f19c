"""Add latency to connections and limit their bandwidth, with a TCP proxy."""

import asyncio
import threading
import time
from typing import Self
from urllib.parse import urlsplit

BLOCK = 16 * 1024


class TcpProxy:
    """Forward connections to `upstream` with the same delay and bandwidth in both directions.

    `latency` is in seconds, `rate` in bytes a second of each connection. Both may be changed while
    the proxy runs.
    """

    def __init__(self, upstream: str, latency: float = 0.0, rate: float = float("inf")) -> None:
        split = urlsplit(upstream)
        self._upstream = (str(split.hostname), int(split.port or 80))
        self.latency = latency
        self.rate = rate
        self.open = 0
        """Number of open connections."""
        self.port = 0
        self._tasks: set[asyncio.Task[None] | None] = set()
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._thread = threading.Thread(
            target=self._loop.run_until_complete, args=(self._serve(),), daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._listening.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        # A small buffer, so that the sender notices the limited rate.
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=BLOCK)
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        await self._stop.wait()
        server.close()
        while remaining := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in remaining:
                task.cancel()
            await asyncio.wait(remaining)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        # The event loop holds its tasks weakly, so the task of a paused connection needs a strong
        # reference to survive garbage collection.
        task = asyncio.current_task()
        self._tasks.add(task)
        upstream_writer: asyncio.StreamWriter | None = None
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection(
                *self._upstream, limit=BLOCK
            )
            await asyncio.gather(
                self._forward(reader, upstream_writer), self._forward(upstream_reader, writer)
            )
        except (OSError, asyncio.CancelledError):
            pass  # one side closed its connection, or the test has ended
        finally:
            self.open -= 1
            self._tasks.discard(task)
            for side in (writer, upstream_writer):
                if side:
                    side.transport.abort()

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
