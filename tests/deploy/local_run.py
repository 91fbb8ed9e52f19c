"""Run `python -m deploy.local` as a process, and end parts of it as a power cut would."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from deploy.local.network import responds
from deploy.local.processes import ROOT
from tests.fault_injection import eventually

START_SECONDS = 120.0
READY_PATHS = ("/", "/api/formats", "/health/ready", "/api/uploads")
EMULATOR = "deploy.local.emulator.server"


class LocalRun:
    """Hold one `make run` whose data is in a folder."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.url = f"http://localhost:{port}"
        self.log = home.with_name("run.log")
        self._environment = {**os.environ, "TINYPIXO_HOME": str(home), "PORT": str(port)}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until the page and the services answer."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "deploy.local"],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        def is_ready() -> bool:
            assert self._process
            assert self._process.poll() is None, self.log.read_text()
            return all(responds(self.url + path) for path in READY_PATHS)

        eventually(is_ready, START_SECONDS)

    def kill_emulator(self) -> None:
        """End the emulator with SIGKILL."""
        [pid] = [pid for pid in self._pids() if EMULATOR in _command(pid)]
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not _exists(pid))

    def kill_all(self) -> None:
        """End all processes at the same moment with SIGKILL, so that none can react."""
        pids = self._pids()
        # A stopped process neither starts another nor notices the end of its parent.
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                if _exists(pid):
                    os.kill(pid, number)
        assert self._process
        self._process.wait()
        eventually(lambda: not any(_exists(pid) for pid in pids))

    def stop(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(60)

    def _pids(self) -> list[int]:
        """Return the process and all its descendants."""
        assert self._process
        found = [self._process.pid]
        for pid in found:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                found += map(int, children.read_text().split())
        return found


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def _exists(pid: int) -> bool:
    """Return True if a process runs; one that has ended and is not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
