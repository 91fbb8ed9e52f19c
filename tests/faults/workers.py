"""Run conversion services as processes that tests kill, stop and terminate."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import httpx

from deploy.local.network import free_port
from deploy.local.processes import terminate_with_parent
from deploy.local.stack import EmbeddedStack

ROOT = Path(__file__).resolve().parents[2]
PROC = Path("/proc")

ENDS = {f"conversion.{end}" for end in ("completed", "failed", "released", "lease_lost")}
"""Events that end an attempt."""

T = TypeVar("T")


def eventually(condition: Callable[[], T], seconds: float, what: str) -> T:
    """Wait until a condition is true, and return its value. Fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (said := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    return said


class WorkerProcess:
    """Run a worker alone, or with no slots the API; its log tells what it does."""

    def __init__(self, stack: EmbeddedStack, name: str, slots: int = 1, **more: str) -> None:
        self._stack = stack
        self._log = stack.log(name)
        port = free_port()
        self.url = f"http://localhost:{port}"
        self._user, self._command = ("worker", ["worker"]) if slots else ("conversion-api", [])
        self._more = {"TINYPIXO_SLOTS": str(slots), "HOST": "127.0.0.1", "PORT": str(port), **more}
        self._seen = 0
        self.start()

    def start(self) -> None:
        """Start the process, for the first time or again."""
        self._seen = self._log.stat().st_size if self._log.exists() else 0
        with open(self._log, "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.conversion", *self._command],
                cwd=ROOT,
                env={**self._stack.environment_of(self._user), **self._more},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=terminate_with_parent,  # a test run that is killed leaves nobody behind
            )

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def kill(self) -> list["Child"]:
        """Send SIGKILL, and return the children that the process had."""
        children = descendants(self.process.pid)
        self.process.kill()
        self.process.wait()
        return children

    def answers(self) -> bool:
        """Return True if it serves requests."""
        try:
            return httpx.get(f"{self.url}/health/live").status_code == 200
        except httpx.TransportError:
            return False

    def events(self, since: int | None = None) -> list[dict[str, str]]:
        """Return what it logged since it was started, or since that byte of its log."""
        with open(self._log, "rb") as log:
            log.seek(self._seen if since is None else since)
            lines = log.read().splitlines()
        return [json.loads(line) for line in lines if line.startswith(b"{") and line.endswith(b"}")]

    def running(self) -> str | None:
        """Return the conversion that it has claimed and not yet ended, if any."""
        told = [
            e
            for e in self.events()
            if e["event"].startswith("conversion.") and e["event"] != "conversion.refused"
        ]
        return (
            told[-1]["conversion"] if told and told[-1]["event"] == "conversion.claimed" else None
        )

    def all_running(self) -> set[str]:
        """Return all conversions that it has claimed and not yet ended."""
        running: set[str] = set()
        for event in self.events():
            if event["event"] == "conversion.claimed":
                running.add(event["conversion"])
            elif event["event"] in ENDS:
                running.discard(event["conversion"])
        return running

    def ended(self, conversion_id: str) -> str | None:
        """Return the event that ended its last attempt at a conversion, if it has ended."""
        told = [
            e["event"]
            for e in self.events()
            if e.get("conversion") == conversion_id and e["event"].startswith("conversion.")
        ]
        return told[-1] if told and told[-1] != "conversion.claimed" else None

    def published(self) -> list[str]:
        """Return the conversions that it completed, also before it was restarted."""
        return [
            event["conversion"]
            for event in self.events(since=0)
            if event["event"] == "conversion.completed"
        ]


@contextmanager
def workers(
    stack: EmbeddedStack, *names: str, slots: int = 1, **more: str
) -> Iterator[Sequence[WorkerProcess]]:
    """Run workers of these names until the `with` ends."""
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
    """Identify a process by its id and start time, because ids are used again."""

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
        """Return the first letters of its program, or nothing if it has ended."""
        try:
            return (PROC / str(self.pid) / "comm").read_text() if self.alive() else ""
        except OSError:
            return ""


def descendants(pid: int) -> list[Child]:
    """Return the children of a process and theirs that are FFmpeg: no launchers that wait."""
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
    return [Child(child) for child in found if _runs_a_program(child)]


def _runs_a_program(pid: int) -> bool:
    with suppress(OSError):
        command = (PROC / str(pid) / "cmdline").read_bytes()
        return bool(command) and b"sandbox/launcher.py" not in command
    return False


def _stat(pid: int) -> list[str]:
    """Read the fields of /proc/PID/stat after the name; the first is the state."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
