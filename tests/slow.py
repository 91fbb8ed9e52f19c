"""A slow network in front of an address: each byte comes late, and few of them a second."""

import asyncio
import threading
import time
from typing import Self
from urllib.parse import urlsplit

BLOCK = 16 * 1024


class Slow:
    """Carries connections to `upstream`, both ways alike. `latency` (seconds) and `rate` (bytes a second of each connection) may change."""

    def __init__(self, upstream: str, latency: float = 0.0, rate: float = float("inf")) -> None:
        split = urlsplit(upstream)
        self._upstream = (str(split.hostname), int(split.port or 80))
        self.latency = latency
        self.rate = rate
        self.open = 0
        """Connections that are carried now."""
        self.port = 0
        self._carried: set[asyncio.Task[None] | None] = set()
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._listening.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        self._over = asyncio.Event()
        # Little is taken in advance: a sender feels the rate.
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=BLOCK)
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        await self._over.wait()
        server.close()
        while carried := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in carried:
                task.cancel()
            await asyncio.wait(carried)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        # The loop itself holds its tasks only weakly: one whose connection is paused is held by nobody, and may be collected.
        me = asyncio.current_task()
        self._carried.add(me)
        far_writer: asyncio.StreamWriter | None = None
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._upstream, limit=BLOCK)
            await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer))
        except (OSError, asyncio.CancelledError):
            pass  # one side has gone, or the test is over
        finally:
            self.open -= 1
            self._carried.discard(me)
            for side in (writer, far_writer):
                if side:
                    side.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        arriving = asyncio.create_task(self._arrive(on_the_way, writer))
        try:
            while data := await reader.read(int(min(BLOCK, max(1, self.rate / 10)))):
                on_the_way.put_nowait((time.monotonic() + self.latency, data))
                await asyncio.sleep(len(data) / self.rate)
            on_the_way.put_nowait((time.monotonic() + self.latency, b""))
            await arriving
        finally:
            arriving.cancel()

    async def _arrive(self, on_the_way: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter) -> None:
        while True:
            due, data = await on_the_way.get()
            await asyncio.sleep(due - time.monotonic())
            if not data:
                writer.write_eof()
                return
            writer.write(data)
            await writer.drain()
