"""Record who connects to a server, and how often a file is opened or read (inotify(7))."""

import ctypes
import os
import socket
import struct
import threading
from pathlib import Path

_ACCESS, _OPEN = 1, 32  # linux/inotify.h


class ServerWatch:
    """Listen on this machine and record the addresses of all clients."""

    def __init__(self) -> None:
        self.clients: list[object] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def url(self) -> str:
        """Return the server's address."""
        return f"http://127.0.0.1:{self._server.getsockname()[1]}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                client, address = self._server.accept()
            except OSError:
                return
            self.clients.append(address)
            client.close()


class FileWatch:
    """Count each open and read of a file, by any process."""

    def __init__(self, path: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0 or libc.inotify_add_watch(self._fd, os.fsencode(path), _ACCESS | _OPEN) < 0:
            raise OSError(ctypes.get_errno(), "inotify")

    def count_accesses(self) -> int:
        """Return how often it was opened or read since the last call."""
        try:
            events = os.read(self._fd, 65_536)
        except BlockingIOError:
            return 0
        count = at = 0
        while at < len(events):
            count, at = count + 1, at + 16 + struct.unpack_from("I", events, at + 12)[0]
        return count

    def close(self) -> None:
        """Stop watching."""
        os.close(self._fd)
