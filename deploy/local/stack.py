"""The embedded stack: emulator, relay, four services and gateway as processes of one parent, data in one folder."""

import ctypes
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local.bootstrap import StackOutputs
from deploy.local.clouds import Cloud, EmulatedCloud
from deploy.local.emulator import Emulator, free_ports, prepare

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "frontend" / "dist"
SERVICES = ("upload", "conversion", "progress", "janitor")

START_SECONDS = 60.0
STOP_SECONDS = 30.0

_PR_SET_PDEATHSIG = 1


class StackError(Exception):
    """Indicates that the stack cannot run; the text is one line that a person can act on."""


class EmbeddedStack:
    """Everything on one machine. `home` keeps what must outlive it; `say` is told what happens, a line at a time."""

    def __init__(
        self,
        home: Path,
        port: int = 8000,
        say: Callable[[str], None] = print,
        settings: Mapping[str, str] | None = None,
        check_signatures: bool = False,
        cloud: Cloud | None = None,
    ) -> None:
        """`cloud` in place of the emulator that is started with it and keeps its data in `home`."""
        self.home = home
        self.port = port
        self.url = f"http://localhost:{port}"
        self._say = say
        self._extra = dict(settings or {})
        self._check_signatures = check_signatures
        self.cloud = cloud
        self.outputs: StackOutputs | None = None
        self.environment: dict[str, str] = {}
        self.ports: dict[str, int] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, tuple[list[str], dict[str, str]]] = {}
        self._stopping = threading.Event()

    def start(self) -> None:
        """Starts everything and returns when all of it answers. Raises StackError."""
        refuse_taken_port(self.port)
        self.home.mkdir(parents=True, exist_ok=True)
        self.cloud = cloud = self.cloud or self._emulated()
        cloud.start()
        self.outputs = self._bring_up_data(cloud)
        self.environment = self._base_environment(cloud) | _environment_of(self.outputs)
        self.ports = dict(zip(SERVICES, free_ports(len(SERVICES), besides=self.port), strict=True))
        if not cloud.relays:
            self._run("relay", ["-m", "deploy.local.relay"], {})
        for name in SERVICES:
            self._run(name, ["-m", f"services.{name}"], {"HOST": "127.0.0.1", "PORT": str(self.ports[name])})
        routes = {name: f"http://127.0.0.1:{port}" for name, port in self.ports.items()}
        gateway = {
            "GATEWAY_ROUTES": json.dumps(routes),
            "GATEWAY_PAGE": str(PAGE),
            "GATEWAY_MEDIA": cloud.media_origin,
            "HOST": os.environ.get("HOST", "127.0.0.1"),
            "PORT": str(self.port),
        }
        self._run("gateway", ["-m", "deploy.local.gateway"], gateway)
        for name in SERVICES:
            self._await(name, f"{routes[name]}/health/ready")
        self._await("gateway", f"http://127.0.0.1:{self.port}/")

    def stop(self) -> None:
        """Ends everything, in the order in which it needs each other. May be repeated."""
        self._stopping.set()
        for names in (("gateway",), SERVICES, ("relay",)):
            present = [self.processes.pop(name) for name in names if name in self.processes]
            for process in present:
                process.terminate()
            for process in present:
                _wait_or_kill(process)
        if self.cloud:
            self.cloud.stop()

    def supervise(self) -> None:
        """Starts again what has died, until `stop`. For a thread, or for the main one of a program."""
        while not self._stopping.wait(0.5):
            for name, process in list(self.processes.items()):
                if process.poll() is not None and not self._stopping.is_set():
                    self._say(f"{name} ended with status {process.returncode}; starting it again (log: {self.log(name)})")
                    self._spawn(name)
            if self.cloud and not self.cloud.is_alive():
                raise StackError(f"The emulator has died; its log is {self.cloud.log}")

    def kill(self, name: str) -> None:
        """kill -9, for tests of what happens then."""
        self.processes[name].kill()
        self.processes[name].wait()

    def restart(self, name: str) -> None:
        """Starts a service that was killed, and waits for it."""
        self._spawn(name)
        self._await(name, f"http://127.0.0.1:{self.ports[name]}/health/ready")

    def log(self, name: str) -> Path:
        """Where a process's log is."""
        return self.home / "logs" / f"{name}.log"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _emulated(self) -> Cloud:
        venv = Path(os.environ.get("TINYPIXO_EMULATOR_VENV", ROOT / ".venv-emulator"))
        prepare(venv)
        return EmulatedCloud(Emulator(venv, self.home / "aws", check_signatures=self._check_signatures))

    def _base_environment(self, cloud: Cloud) -> dict[str, str]:
        """What all processes share. Of AWS's variables the caller's are left out, but where the cloud says otherwise."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TINYPIXO_"))}
        keys = _secrets(self.home / "secrets.json")
        return kept | {
            "MALLOC_ARENA_MAX": "2",  # as in the images, see there
            **cloud.environment,
            "TINYPIXO_SESSION_SECRET": keys["session_secret"],
            "TINYPIXO_JANITOR_TOKEN": keys["janitor_token"],
            "TINYPIXO_SECURE_COOKIES": "false",
            "TINYPIXO_SWEEP_EVERY": "60",
            **self._extra,
        }

    def _bring_up_data(self, cloud: Cloud) -> StackOutputs:
        outputs = cloud.bring_up([self.url, f"http://127.0.0.1:{self.port}"])
        if outputs.added:
            self._say(f"The emulator left out of the template, and we put in place: {', '.join(outputs.added)}.")
        return outputs

    def _run(self, name: str, arguments: list[str], more: Mapping[str, str]) -> None:
        self._commands[name] = ([sys.executable, *arguments], {**self.environment, **more})
        self._spawn(name)

    def _spawn(self, name: str) -> None:
        command, environment = self._commands[name]
        self.log(name).parent.mkdir(parents=True, exist_ok=True)
        with open(self.log(name), "ab") as log:
            self.processes[name] = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A Ctrl-C in the terminal is the parent's to handle: it stops everything in order.
                start_new_session=True,
                preexec_fn=end_with_parent,
            )

    def _await(self, name: str, url: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(url):
            process = self.processes[name]
            if process.poll() is not None or time.monotonic() > deadline:
                raise StackError(f"{name} did not start; its log is {self.log(name)}:\n{_tail(self.log(name))}")
            time.sleep(0.1)


def refuse_taken_port(port: int) -> None:
    """Raises StackError when somebody listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise StackError(f"Port {port} is in use. Choose another one: make run PORT={port + 1}") from None


def _environment_of(outputs: StackOutputs) -> dict[str, str]:
    return {
        "TINYPIXO_BUCKET": outputs.bucket_name,
        "TINYPIXO_TABLE": outputs.table_name,
        "TINYPIXO_TOPIC_ARN": outputs.topic_arn,
        "TINYPIXO_CONVERSION_INBOX_URL": outputs.conversion_inbox_url,
        "TINYPIXO_JANITOR_INBOX_URL": outputs.janitor_inbox_url,
    }


def end_with_parent() -> None:
    """In the child: SIGTERM when the parent dies, by whatever. Linux only; elsewhere a killed parent leaves children."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait_or_kill(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _secrets(path: Path) -> dict[str, str]:
    """The stack's own secrets, made once: sessions outlive a restart."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(json.dumps({"session_secret": secrets.token_hex(32), "janitor_token": secrets.token_hex(16)}))
    kept: dict[str, str] = json.loads(path.read_text())
    return kept


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _tail(path: Path) -> str:
    return path.read_text("utf-8", errors="replace")[-2000:] if path.exists() else ""
