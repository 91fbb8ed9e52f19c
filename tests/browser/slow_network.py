"""Put a slow network between a browser and everything that it connects to."""

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import ProxySettings

from tests.server_thread import ServerThread

BLOCK = 8 * 1024
SEGMENT_SIZE = 1460
"""Bytes. With those of the loopback device, the kernel would buffer megabytes for the browser."""
RECEIVE_BUFFER = 64 * 1024
CATCH_UP = 0.1
"""Seconds of lost time that a busy machine makes up for."""

SOCKS_VERSION = 5
NO_AUTHENTICATION = bytes([SOCKS_VERSION, 0])
SUCCEEDED = bytes([SOCKS_VERSION, 0, 0, 1]) + bytes(6)
IPV4, DOMAIN_NAME = 1, 3


class SlowNetwork(ServerThread):
    """Forward connections as a SOCKS 5 proxy. All of them share one bandwidth in each direction."""

    def __init__(self, rate: float) -> None:
        """Carry `rate` bytes a second in each direction."""
        super().__init__(buffer=BLOCK)
        self.rate = rate
        self.outages = 0
        """Number of outages that have begun."""
        self._is_down = False
        self._free_at = {"up": 0.0, "down": 0.0}

    @property
    def proxy(self) -> ProxySettings:
        """Return the option of a browser context that uses this network."""
        return {"server": f"socks5://127.0.0.1:{self.port}"}

    @contextmanager
    def regular_outages(self, every: float, seconds: float) -> Iterator[None]:
        """Cut all connections `every` so many seconds, and refuse new ones for `seconds`."""
        ended = threading.Event()

        def alternate() -> None:
            while not ended.wait(every - seconds):
                self.outages += 1
                self._is_down = True
                self._loop.call_soon_threadsafe(self._cut_all)
                ended.wait(seconds)
                self._is_down = False

        thread = threading.Thread(target=alternate)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def listen(self) -> socket.socket:
        """Return a socket whose connections buffer as little as those over a real network."""
        listener = socket.socket()
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT_SIZE)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        return listener

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect the browser to the address that it asks for, and forward what both send."""
        if self._is_down:
            return
        host, port = await _requested_address(reader, writer)
        far_reader, far_writer = await asyncio.open_connection(host, port, limit=BLOCK)
        try:
            writer.write(SUCCEEDED)
            await asyncio.gather(
                self._forward("up", reader, far_writer), self._forward("down", far_reader, writer)
            )
        finally:
            far_writer.transport.abort()

    async def _forward(
        self, direction: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(BLOCK):
            begin = max(time.monotonic() - CATCH_UP, self._free_at[direction])
            self._free_at[direction] = begin + len(data) / self.rate
            await asyncio.sleep(self._free_at[direction] - time.monotonic())
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def _requested_address(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[str, int]:
    """Do the handshake of RFC 1928, and return the address to connect to."""
    _, method_count = await reader.readexactly(2)
    await reader.readexactly(method_count)
    writer.write(NO_AUTHENTICATION)
    *_, kind = await reader.readexactly(4)
    if kind == IPV4:
        host = socket.inet_ntoa(await reader.readexactly(4))
    elif kind == DOMAIN_NAME:
        host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
    else:
        raise EOFError
    (port,) = struct.unpack("!H", await reader.readexactly(2))
    return host, port
