"""Imitate App Runner: it cuts long requests, freezes idle instances, and replaces them."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from deploy.local.network import free_port, wait_until_responding
from deploy.local.processes import ROOT, terminate_with_parent
from deploy.local.stack import EmbeddedStack
from tests.server_thread import ServerThread

BLOCK = 64 * 1024

GRACE = 2.0
"""Seconds from SIGTERM to SIGKILL."""


class FreezableProcess:
    """Run a process that is frozen while it has no request. Threads may share it."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.in_flight = 0
        self._is_ending = False
        self._lock = threading.Lock()
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # SIGTERM would wait until a frozen process is thawed.
                preexec_fn=partial(terminate_with_parent, signal.SIGKILL),
            )
        self.pid = self._process.pid
        # Unlike its id, it never means another process.
        self._handle = os.pidfd_open(self.pid)

    @property
    def status(self) -> int | None:
        """Return the exit status as `subprocess` does; None while it runs."""
        return self._process.poll()

    def begin_request(self) -> None:
        """Count a request, and let the process run."""
        with self._lock:
            self.in_flight += 1
            self._send(signal.SIGCONT)

    def end_request(self) -> None:
        """Freeze the process after its last request."""
        with self._lock:
            self.in_flight -= 1
            self._freeze_if_idle()

    def freeze(self) -> None:
        """Freeze the process until its first request."""
        with self._lock:
            self._freeze_if_idle()

    def end(self, *, gently: bool) -> None:
        """End the process: at once, or `GRACE` seconds after SIGTERM. It is not frozen again."""
        with self._lock:
            self._is_ending = True
            self._send(signal.SIGCONT)
            if gently:
                self._send(signal.SIGTERM)
        if gently:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE)
        self._send(signal.SIGKILL)
        self._process.wait()

    def _freeze_if_idle(self) -> None:
        if not self.in_flight and not self._is_ending:
            self._send(signal.SIGSTOP)

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, number)


class Instance(FreezableProcess):
    """Run one instance of a service, frozen until its first request."""

    def __init__(self, stack: EmbeddedStack, service: str, name: str) -> None:
        self.port = free_port()
        self.log = stack.log(name)
        address = {"HOST": "127.0.0.1", "PORT": str(self.port)}
        command = [sys.executable, "-m", f"services.{service}"]
        super().__init__(command, {**stack.environment_of(service), **address}, self.log)
        assert wait_until_responding(f"http://127.0.0.1:{self.port}/health/ready", 60), self.log
        self.freeze()

    def says(self, event: str) -> int:
        """Return how often the log has this event."""
        return self.log.read_text("utf-8").count(event)


class AppRunner(ServerThread):
    """Distribute the requests for a service over its instances, in turn."""

    def __init__(
        self, stack: EmbeddedStack, service: str, instances: int, request_limit: float
    ) -> None:
        """Cut each request after `request_limit` seconds; App Runner does so after 120."""
        super().__init__(buffer=BLOCK)
        self.request_limit = request_limit
        self._stack = stack
        self._service = service
        self._lock = threading.Lock()
        self._started = 0
        self._served = 0
        self.cuts = 0
        self.instances = [self._start() for _ in range(instances)]

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        for instance in self.instances:
            instance.end(gently=False)

    def serving(self) -> list[Instance]:
        """Return the instances with a request in flight; the others are frozen."""
        with self._lock:
            return [each for each in self.instances if each.in_flight]

    def replace(self, rng: random.Random) -> None:
        """Start an instance, and end another one in the middle of whatever it does."""
        new = self._start()
        with self._lock:
            self.instances.append(new)
            old = self.instances.pop(rng.randrange(len(self.instances) - 1))
        old.end(gently=rng.random() < 0.5)

    def cut(self) -> None:
        """Cut all requests now, as if their time were over."""
        self._loop.call_soon_threadsafe(self._cut_all)

    def _start(self) -> Instance:
        self._started += 1
        return Instance(self._stack, self._service, f"{self._service}-instance-{self._started}")

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send a request to the next instance, and cut it when its time is over."""
        head = await reader.readuntil(b"\r\n\r\n")
        with self._lock:
            instance = self.instances[self._served % len(self.instances)]
            self._served += 1
            instance.begin_request()
        try:
            async with asyncio.timeout(self.request_limit):
                await _exchange(instance.port, only_request(head), reader, writer)
        except TimeoutError:
            self.cuts += 1
        finally:
            with self._lock:
                instance.end_request()


def only_request(head: bytes) -> bytes:
    """Return the head of a request with `Connection: close`: a connection is one request."""
    lines = head.split(b"\r\n")
    kept = [line for line in lines[1:] if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([lines[0], b"Connection: close", *kept])


async def _exchange(
    port: int, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Send a request with its body, and return when its response has arrived."""
    service_reader, service_writer = await asyncio.open_connection("127.0.0.1", port)
    sending = asyncio.create_task(_forward(reader, service_writer))
    try:
        service_writer.write(head)
        await _forward(service_reader, writer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    finally:
        sending.cancel()
        service_writer.transport.abort()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(BLOCK):
            writer.write(data)
            await writer.drain()
