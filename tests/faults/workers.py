"""Conversion services as processes that can be killed, stopped and told to end, beside a stack that serves the API."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx

from deploy.local.network import free_port
from deploy.local.processes import terminate_with_parent
from deploy.local.stack import EmbeddedStack

ROOT = Path(__file__).resolve().parents[2]
PROC = Path("/proc")

T = TypeVar("T")


def eventually(condition: Callable[[], T], seconds: float, what: str) -> T:
    """Waits for a condition, and returns what it said."""
    deadline = time.monotonic() + seconds
    while not (said := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    return said


class WorkerProcess:
    """`python -m services.conversion` with a slot or more. Its log tells what it does."""

    def __init__(self, stack: EmbeddedStack, name: str, slots: int = 1, **more: str) -> None:
        self._stack = stack
        self._log = stack.log(name)
        port = free_port()
        self.url = f"http://localhost:{port}"
        self._more = {"TINYPIXO_SLOTS": str(slots), "HOST": "127.0.0.1", "PORT": str(port), **more}
        self._seen = 0
        self.start()

    def start(self) -> None:
        """Starts it, for the first time or again; it works as soon as it can."""
        self._seen = self._log.stat().st_size if self._log.exists() else 0
        with open(self._log, "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.conversion"],
                cwd=ROOT,
                env={**self._stack.environment, **self._more},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=terminate_with_parent,  # a test run that is killed leaves nobody behind
            )

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> list["Child"]:
        """kill -9; returns the children that it had."""
        children = descendants(self.process.pid)
        self.process.kill()
        self.process.wait()
        return children

    def answers(self) -> bool:
        """Whether it serves its API already."""
        try:
            return httpx.get(f"{self.url}/health/live").status_code == 200
        except httpx.TransportError:
            return False

    def events(self, since: int | None = None) -> list[dict[str, str]]:
        """What it has logged since it was started, or since that byte of its log."""
        with open(self._log, "rb") as log:
            log.seek(self._seen if since is None else since)
            lines = log.read().splitlines()
        return [json.loads(line) for line in lines if line.startswith(b"{") and line.endswith(b"}")]

    def running(self) -> str | None:
        """The conversion that it has claimed and not yet ended, if any."""
        told = [
            e
            for e in self.events()
            if e["event"].startswith("conversion.") and e["event"] != "conversion.refused"
        ]
        return (
            told[-1]["conversion"] if told and told[-1]["event"] == "conversion.claimed" else None
        )

    def ended(self, conversion_id: str) -> str | None:
        """How its last attempt at a conversion ended, as it says itself."""
        told = [
            e["event"]
            for e in self.events()
            if e.get("conversion") == conversion_id and e["event"].startswith("conversion.")
        ]
        return told[-1] if told and told[-1] != "conversion.claimed" else None

    def published(self) -> list[str]:
        """The conversions that it has completed in all its lives."""
        return [
            event["conversion"]
            for event in self.events(since=0)
            if event["event"] == "conversion.completed"
        ]


@contextmanager
def workers(
    stack: EmbeddedStack, *names: str, slots: int = 1, **more: str
) -> Iterator[Sequence[WorkerProcess]]:
    """Workers of these names for the length of a `with`; whatever became of them, they are gone after it."""
    running = [WorkerProcess(stack, name, slots, **more) for name in names]
    try:
        yield running
    finally:
        for worker in running:
            worker.send(signal.SIGCONT)
            worker.process.terminate()
        for worker in running:
            try:
                worker.process.wait(30)
            except subprocess.TimeoutExpired:
                worker.kill()


class Child:
    """A process by its id and its birth, so that another that gets its id is not taken for it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._born = _stat(pid)[19]

    def alive(self) -> bool:
        try:
            stat = _stat(self.pid)
        except OSError:
            return False
        return stat[19] == self._born and stat[0] != "Z"

    def name(self) -> str:
        """Of its program, the first letters; empty when it has ended."""
        try:
            return (PROC / str(self.pid) / "comm").read_text() if self.alive() else ""
        except OSError:
            return ""


def descendants(pid: int) -> list[Child]:
    """The children of a process, and theirs: here, ffmpeg."""
    parents: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                parents.setdefault(int(_stat(int(entry.name))[1]), []).append(int(entry.name))
            except OSError:
                continue  # it has ended meanwhile
    found, rest = [], [pid]
    while rest:
        children = parents.get(rest.pop(), [])
        rest += children
        found += children
    return [Child(child) for child in found if os.path.exists(PROC / str(child))]


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name: state, parent, …; the 20th is when it began."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
