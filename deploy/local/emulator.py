"""MiniStack in place of AWS: installed into an environment of its own, started, and stopped in order.

Everything it keeps is in one folder: items, queues, topics and the stack as JSON, objects as files. All of it
survives a restart, and a kill but for the last seconds. The records on the table's stream do not.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

REQUIREMENTS = Path(__file__).resolve().parent / "requirements-emulator.txt"
REPOSITORY = Path(__file__).resolve().parents[2]

START_SECONDS = 60.0
STOP_SECONDS = 20.0


class EmulatorError(Exception):
    """Indicates that the emulator could not be installed or started; the text ends with its own last words."""


def prepare(venv: Path) -> None:
    """Make the environment and install MiniStack into it by hash, unless that is done already.

    Safe to call from two processes at once. Raises `EmulatorError`.
    """
    stamp = venv / "installed"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    venv.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{venv}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.is_file() and stamp.read_text() == wanted:
            return
        shutil.rmtree(venv, ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(venv))
        install = ("install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes")
        _run(str(venv / "bin/python"), "-m", "pip", *install, "-r", str(REQUIREMENTS))
        stamp.write_text(wanted)


class Emulator:
    """One MiniStack process on localhost; a context manager."""

    def __init__(self, venv: Path, data: Path, port: int = 0, check_signatures: bool = False) -> None:
        """`venv` is a prepared one, `data` the folder of all it keeps; port 0 takes a free one.

        With `check_signatures` it refuses what AWS would: bad or expired signatures, and what policies do not allow.
        """
        # In full, because the emulator runs in another folder.
        self._venv = venv.absolute()
        self._data = data.absolute()
        self._auth = check_signatures
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port or free_port()

    @property
    def endpoint_url(self) -> str:
        """What AWS_ENDPOINT_URL is to be."""
        return f"http://localhost:{self.port}"

    @property
    def log(self) -> Path:
        """What it prints: the present run only."""
        return self._data / "ministack.log"

    def start(self) -> None:
        """Start it and wait until it answers. Raises `EmulatorError`."""
        self._data.mkdir(parents=True, exist_ok=True)
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(
                [str(self._venv / "bin/python"), "-s", "-m", "deploy.local.ministack_server"],
                cwd=REPOSITORY,
                env=self._environment(),
                # Nobody writes to it; it closes with this process, and that ends the emulator.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A Ctrl-C in the terminal is ours to handle: services stop first.
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise EmulatorError(f"MiniStack did not start on port {self.port}:\n{_tail(self.log)}")
            time.sleep(0.1)

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Stop it in order, so that it writes its state; kill it if that takes too long. May be repeated."""
        if self._process is None:
            return
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End it at once: what changed in the last seconds is lost. May be repeated."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        assert self._process.stdin
        self._process.stdin.close()
        self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _environment(self) -> dict[str, str]:
        """MiniStack's settings; of ours only what a process needs, so that no AWS variable reaches it."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return kept | {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self._data / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self._data / "objects"),
            "AUTH": str(self._auth).lower(),
            "LOG_LEVEL": "WARNING",
            # It imports two modules from this repository, which is to stay as it is.
            "PYTHONDONTWRITEBYTECODE": "1",
            # Services of it that we do not use and that open ports or look for Docker.
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "DOCKER_HOST": "unix:///nonexistent",
        }

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/_ministack/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def free_port() -> int:
    """A port of localhost that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_ports(count: int, besides: int) -> list[int]:
    """Several, none of which is `besides`: a port that nobody has yet, but that somebody else is about to take."""
    found: set[int] = set()
    while len(found) < count:
        found |= {free_port()} - {besides}
    return list(found)


def _run(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise EmulatorError(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}")


def _tail(path: Path) -> str:
    return path.read_text("utf-8", errors="replace")[-4000:] if path.exists() else ""
