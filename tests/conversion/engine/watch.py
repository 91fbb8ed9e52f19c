"""Who comes: a server that notes its visitors, and a file that notes its readers (inotify(7))."""

import ctypes
import os
import socket
import struct
import threading
from pathlib import Path

_ACCESS, _OPEN = 1, 32  # linux/inotify.h


class Listener:
    """A server on this machine; `visitors` are the addresses of those who came."""

    def __init__(self) -> None:
        self.visitors: list[object] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.getsockname()[1]}"

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                guest, address = self._server.accept()
            except OSError:
                return
            self.visitors.append(address)
            guest.close()


class Watched:
    """A file of which every opening and reading is counted, whoever does it and however the disk is mounted."""

    def __init__(self, path: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0 or libc.inotify_add_watch(self._fd, os.fsencode(path), _ACCESS | _OPEN) < 0:
            raise OSError(ctypes.get_errno(), "inotify")

    def touched(self) -> int:
        """How often it was opened or read since the last question."""
        try:
            events = os.read(self._fd, 65_536)
        except BlockingIOError:
            return 0
        count = at = 0
        while at < len(events):
            count, at = count + 1, at + 16 + struct.unpack_from("I", events, at + 12)[0]
        return count

    def close(self) -> None:
        os.close(self._fd)
