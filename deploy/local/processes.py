"""Run the child processes of the embedded stack, each with a log file."""

import ctypes
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from deploy.local.logs import open_log, rotate

ROOT = Path(__file__).resolve().parent.parent.parent

STOP_SECONDS = 30.0

_PR_SET_PDEATHSIG = 1


class ChildProcesses:
    """Start Python modules as child processes, restart them, and stop them."""

    def __init__(self, logs: Path) -> None:
        """Use `logs` as the folder of the log files."""
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._logs = logs
        self._commands: dict[str, tuple[str, Mapping[str, str]]] = {}

    def start(self, name: str, module: str, environment: Mapping[str, str]) -> None:
        """Start a module under a name, with this environment and no other variable."""
        self._commands[name] = (module, environment)
        self.restart(name)

    def restart(self, name: str) -> None:
        """Start a process again that has ended."""
        module, environment = self._commands[name]
        with open_log(self.log(name)) as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", module],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal must not reach it: the parent stops all in sequence.
                start_new_session=True,
                preexec_fn=terminate_with_parent,
            )

    def ended(self) -> dict[str, int]:
        """Return the exit status of each process that has ended by itself."""
        statuses = {name: process.poll() for name, process in self.running.items()}
        return {name: status for name, status in statuses.items() if status is not None}

    def kill(self, name: str) -> None:
        """End a process with SIGKILL."""
        self.running[name].kill()
        self.running[name].wait()

    def stop(self, names: Iterable[str]) -> None:
        """End these processes at the same time with SIGTERM, and forget them.

        A process that takes longer than `STOP_SECONDS` is killed. Unknown names are ignored.
        """
        stopping = [self.running.pop(name) for name in names if name in self.running]
        for process in stopping:
            process.terminate()
        for process in stopping:
            _wait_or_kill(process)

    def rotate_logs(self) -> None:
        """Keep the logs of all processes below their maximum size."""
        for name in self._commands:
            rotate(self.log(name))

    def log(self, name: str) -> Path:
        """Return the path of a process's log."""
        return self._logs / f"{name}.log"

    def log_tail(self, name: str) -> str:
        """Return the last lines of a process's log."""
        path = self.log(name)
        return path.read_text("utf-8", errors="replace")[-2000:] if path.exists() else ""


def terminate_with_parent(number: signal.Signals = signal.SIGTERM) -> None:
    """Have the kernel send SIGTERM, or another signal, to this process when its parent ends.

    It runs in the child, before its program. Linux only: on other systems the children of a killed
    parent go on.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)


def _wait_or_kill(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
