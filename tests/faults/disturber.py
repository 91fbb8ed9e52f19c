"""Kill, stop and freeze the processes of a stack at seeded moments."""

import os
import random
import signal
import threading
import time
from collections import Counter

from deploy.local.emulator.process import MiniStack
from deploy.local.stack import EmbeddedStack
from deploy.local.targets import EmulatorTarget
from tests.faults.freezing import frozen
from tests.faults.workers import eventually
from tests.localstack.container import LocalStack

PROCESSES = ("upload", "conversion", "progress", "janitor", "gateway", "relay")
EMULATOR = "emulator"

LONGEST_FREEZE = 6.0
"""Seconds: longer than a lease, so that conversions are taken from a frozen worker."""

LONGEST_CALM = 1.5
"""Seconds from one disturbance to the next."""

EMULATOR_CALM = 40.0
"""Seconds between two kills of the emulator; the stack gives up after too many in a minute."""


class Disturber:
    """Disturb a stack, whose `supervise` restarts what has ended."""

    def __init__(self, stack: EmbeddedStack, rng: random.Random) -> None:
        assert isinstance(stack.target, EmulatorTarget)
        self._stack = stack
        self._emulator = stack.target.emulator
        self._rng = rng
        self._emulator_killed_at = float("-inf")
        self.done: Counter[str] = Counter()

    def disturb(self) -> None:
        """Wait a moment, and do something to one of the processes."""
        time.sleep(self._rng.uniform(0.1, LONGEST_CALM))  # the moment is what is drawn here
        name = self._rng.choice((*PROCESSES, EMULATOR))
        kind = self._rng.choice(("kill", "stop", "freeze"))
        seconds = self._rng.uniform(0.2, LONGEST_FREEZE)
        if name == EMULATOR:
            kind = self._disturb_emulator(kind, seconds)
        else:
            process = self._stack.processes[name]
            eventually(lambda: self._is_running(name), 60, f"{name} runs")
            process = self._stack.processes[name]
            if kind == "freeze":
                self._freeze(process.pid, seconds)
            else:
                process.send_signal(signal.SIGKILL if kind == "kill" else signal.SIGTERM)
        self.done[f"{kind} {name}"] += 1

    def _is_running(self, name: str) -> bool:
        process = self._stack.processes.get(name)
        return process is not None and process.poll() is None

    def _disturb_emulator(self, kind: str, seconds: float) -> str:
        if isinstance(self._emulator, LocalStack):
            self._emulator.pause()
            time.sleep(seconds)
            self._emulator.unpause()
            return "freeze"
        assert isinstance(self._emulator, MiniStack)
        eventually(self._emulator.is_alive, 60, "the emulator runs")
        assert self._emulator.pid
        if kind == "freeze" or time.monotonic() - self._emulator_killed_at < EMULATOR_CALM:
            self._freeze(self._emulator.pid, seconds)
            return "freeze"
        self._emulator_killed_at = time.monotonic()
        os.kill(self._emulator.pid, signal.SIGKILL if kind == "kill" else signal.SIGTERM)
        return kind

    def _freeze(self, pid: int, seconds: float) -> None:
        with frozen(pid):
            time.sleep(seconds)


class Supervisor(threading.Thread):
    """Restart what has ended, as `make run` does, and keep the error that ends it."""

    def __init__(self, stack: EmbeddedStack) -> None:
        super().__init__(daemon=True)
        self._stack = stack
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self._stack.supervise()
        except Exception as error:
            self.error = error
