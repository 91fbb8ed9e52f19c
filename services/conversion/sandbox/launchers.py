"""Start launchers, and keep some that wait for their program.

A launcher is a Python process: it takes 10 ms to start, and 50 ms if it imports a module. See
`launcher.py`.
"""

import contextlib
import fcntl
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

_SCRIPT = Path(__file__).with_name("launcher.py")
_PIPE_BYTES = 1024 * 1024
"""Size of the log's pipe. In packet mode each write takes a page, and FFmpeg prints a line of a tag
by three writes."""
_START_AFTER = 1.0
"""Seconds from the first use of a launcher to the start of new ones. A song is converted by then,
and its conversion shares no processor with them."""
_TIMEOUT = 10.0
"""Maximum seconds for the request, and for the answer to it."""

FILTER_REFUSED = "seccomp: "
"""What a launcher's message begins with if the system does not take the filter."""
TRIED_IN_VAIN = 3
"""Exit status of a launcher without a program, if what programs need does not work."""

Module = tuple[str, ...]
"""What a launcher imports: the `sys.path` and the name of a module, or nothing."""


@dataclass
class Launcher:
    """Hold a process that waits for its program, and the socket that it waits on."""

    process: subprocess.Popen[bytes]
    channel: socket.socket
    writes_are_packets: bool
    """Each read of stderr returns what one write wrote (at most a page of it)."""

    def send(self, fields: Sequence[str], descriptors: Sequence[int]) -> None:
        """Send what `launcher.py` calls a request.

        Raises ConnectionError if the process has died, and TimeoutError if it does not read.
        """
        request = "\0".join(fields).encode(errors="surrogateescape")
        length = len(request).to_bytes(4, sys.byteorder)
        socket.send_fds(self.channel, [length], descriptors)
        self.channel.sendall(request)

    def close(self) -> None:
        """End the process, and close both pipes and the socket."""
        self.channel.close()
        self.process.kill()
        self.process.wait()
        close_pipes(self.process)


class ReadyLaunchers:
    """Hand launchers out, those first that were started before. Thread-safe."""

    def __init__(self) -> None:
        self._ready: dict[Module, deque[Launcher]] = {}
        self._counts: Mapping[Module, int] = {}
        self._taken = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def keep(self, modules: Iterable[Module]) -> None:
        """Keep one launcher ready for each of these, from now on."""
        with self._lock:
            self._counts = Counter(modules)
            self._taken.set()
            if self._thread is None:
                # The kernel kills launchers when the thread that started them ends, so it never
                # does before the process.
                self._thread = threading.Thread(target=self._start, name="launchers", daemon=True)
                self._thread.start()

    def take(self, module: Module) -> Launcher:
        """Return a launcher for one use. Raises OSError if none can be started."""
        self._taken.set()
        with self._lock:
            ready = self._ready.get(module, deque())
            while ready:
                launcher = ready.popleft()
                if launcher.process.poll() is None:
                    return launcher
                launcher.close()
        return launch(module)

    def _start(self) -> None:
        while self._taken.wait():
            time.sleep(_START_AFTER)
            self._taken.clear()
            try:
                for module, count in self._counts.items():
                    while len(self._ready.get(module, ())) < count:
                        launcher = launch(module)
                        with self._lock:
                            self._ready.setdefault(module, deque()).append(launcher)
            except Exception as error:  # the next use tries again
                log.warning("launchers.not_ready: %s", error)


def launch(module: Module) -> Launcher:
    """Start one launcher. Raises OSError if it cannot be started."""
    ours, theirs = socket.socketpair()
    ours.settimeout(_TIMEOUT)
    stderr_read, stderr_write, writes_are_packets = _create_pipe()
    with theirs, open(stderr_write, "wb", 0) as stderr, contextlib.ExitStack() as on_error:
        on_error.callback(os.close, stderr_read)
        on_error.callback(ours.close)
        arguments = [str(theirs.fileno()), str(os.getpid()), *module]
        process = subprocess.Popen(  # noqa: S603 - an argument list of our own, no shell
            [sys.executable, "-I", "-S", str(_SCRIPT), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            pass_fds=[theirs.fileno()],
            env={},
            cwd="/",
            start_new_session=True,
        )
        on_error.pop_all()
        process.stderr = open(stderr_read, "rb", 0)  # noqa: SIM115 - closed by close_pipes
        return Launcher(process, ours, writes_are_packets)


def close_pipes(process: subprocess.Popen[bytes]) -> None:
    """Close this side of the process's stdout and stderr."""
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _create_pipe() -> tuple[int, int, bool]:
    """Return both ends of a pipe, and whether it keeps writes apart (O_DIRECT, see pipe(2))."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            read, write = os.pipe2(os.O_CLOEXEC | os.O_DIRECT)
            with contextlib.suppress(OSError):  # beyond the limit of a user, see pipe(7)
                fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            return read, write, True
    return *os.pipe(), False


ready = ReadyLaunchers()
"""The launchers of this process. Nothing is started ahead before `keep`."""
