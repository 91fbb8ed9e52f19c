"""Run a TCP server of a test in a thread of its own."""

import asyncio
import socket
import threading
from abc import ABC, abstractmethod
from typing import Self


class ServerThread(ABC):
    """Accept connections on a free port of this machine while the `with` block runs."""

    def __init__(self, buffer: int) -> None:
        """Read at most about `buffer` bytes of a connection ahead."""
        self.port = 0
        self._buffer = buffer
        # The event loop holds its tasks weakly, so the task of a paused connection needs a strong
        # reference to survive garbage collection.
        self._connections: set[asyncio.Task[None]] = set()
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
        assert self._listening.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    @abstractmethod
    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, which is closed afterwards."""

    def listen(self) -> socket.socket:
        """Return the socket that accepts connections."""
        return socket.create_server(("127.0.0.1", 0))

    def _cut_all(self) -> None:
        for task in self._connections:
            task.cancel()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        listener = self.listen()
        server = await asyncio.start_server(self._connected, sock=listener, limit=self._buffer)
        self.port = listener.getsockname()[1]
        self._listening.set()
        await self._stop.wait()
        server.close()
        while remaining := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in remaining:
                task.cancel()
            await asyncio.wait(remaining)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        try:
            await self.handle(reader, writer)
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # one side closed its connection, or the test has ended
        finally:
            self._connections.discard(task)
            writer.transport.abort()
