"""Run the embedded stack: emulator, relay, four services and gateway as processes.

All data is kept in one folder.
"""

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.errors import DeployError
from deploy.local import roles
from deploy.local.bootstrap import StackOutputs
from deploy.local.credentials import Credentials, load_secrets
from deploy.local.emulator import virtual_environment
from deploy.local.emulator.process import MiniStack
from deploy.local.logs import rotate
from deploy.local.network import free_ports, require_free_port, wait_until_responding
from deploy.local.processes import ROOT, ChildProcesses
from deploy.local.targets import REGION, DeploymentTarget, EmulatorTarget

PAGE = ROOT / "frontend" / "dist"
WEB = ("upload", "conversion", "progress")
SERVICES = (*WEB, "janitor")

START_SECONDS = 60.0
CHECK_INTERVAL = 0.5

LOCAL_LIMITS = {
    "TINYPIXO_ADDRESS_FACTOR": "1000",
    "TINYPIXO_SESSIONS_PER_HOUR": "100000",
    "TINYPIXO_REQUESTS_PER_ADDRESS": "5000",
    "TINYPIXO_STREAMS_PER_ADDRESS": "2000",
    "TINYPIXO_UPLOADS_PER_HOUR": "100000",
    "TINYPIXO_UPLOAD_BYTES_PER_HOUR": str(10 * 1024**4),
    "TINYPIXO_CONVERSIONS_PER_HOUR": "100000",
    "TINYPIXO_CONVERSIONS_PER_DAY": "1000000",
    "TINYPIXO_URLS_PER_MINUTE": "100000",
}
"""All programs and tests of this machine share one address, and some of them one session."""

MAX_RESTARTS = 3
RESTART_WINDOW = 60.0
"""Seconds in which the emulator is restarted at most `MAX_RESTARTS` times."""


class EmbeddedStack:
    """Run everything on this machine, as a context manager."""

    def __init__(
        self,
        home: Path,
        port: int = 8000,
        echo: Callable[[str], None] = print,
        settings: Mapping[str, str] | None = None,
        target: DeploymentTarget | None = None,
        enforce_roles: bool = False,
    ) -> None:
        """Configure the stack.

        Args:
            home: The folder of the data, the logs and the secrets.
            port: The port of the page on localhost.
            echo: Shows a message to the person at the terminal.
            settings: Environment variables of all processes, in addition to the stack's own.
            target: Where the data is kept; by default an emulator that is started here.
            enforce_roles: Give each service the permissions of its role only. By default it may do
                everything, and so may relay and tests in any case.
        """
        self.home = home
        self.port = port
        self.url = f"http://localhost:{port}"
        self.target = target
        self.outputs: StackOutputs | None = None
        self.environment: dict[str, str] = {}
        self.ports: dict[str, int] = {}
        self._origins = [self.url, f"http://127.0.0.1:{port}"]
        self._secrets_file = home / "secrets.json"
        self._echo = echo
        self._settings = dict(settings or {})
        self._children = ChildProcesses(home / "logs")
        self._enforce_roles = enforce_roles
        self._users: dict[str, Credentials] = {}
        self._target_restarts: list[float] = []
        self._stopping = threading.Event()

    @property
    def processes(self) -> dict[str, subprocess.Popen[bytes]]:
        """Return the child processes by name; the emulator is not one of them."""
        return self._children.running

    def start(self) -> None:
        """Start everything, and return when all of it answers. Raises DeployError."""
        require_free_port(self.port, f"make run PORT={self.port + 1}")
        self.home.mkdir(parents=True, exist_ok=True)
        self.target = target = self.target or self._emulator()
        target.start()
        self.outputs = self._deploy_data(target)
        self.environment = self._shared_environment(target) | _environment_of(self.outputs)
        if self._enforce_roles:
            self._users = self._create_users(target)
        ports = free_ports(len(SERVICES), exclude=self.port)
        self.ports = dict(zip(SERVICES, ports, strict=True))
        if not target.has_pipe:
            self._start("relay", "deploy.local.relay", {})
        for name in SERVICES:
            address = {"HOST": "127.0.0.1", "PORT": str(self.ports[name])}
            self._start(name, f"services.{name}", {**address, **self._own_variables(name)})
        self._start("gateway", "deploy.local.gateway", self._gateway_environment(target))
        for name in SERVICES:
            self._wait_until_ready(name, self._service_url(name) + "/health/ready")
        self._wait_until_ready("gateway", f"http://127.0.0.1:{self.port}/")

    def stop(self) -> None:
        """Stop everything: first what depends on others. Does nothing if it has stopped."""
        self._stopping.set()
        for names in (("gateway",), SERVICES, ("relay",)):
            self._children.stop(names)
        if self.target:
            self.target.stop()

    def supervise(self) -> None:
        """Restart processes that have ended and keep the logs small, until `stop` is called.

        Raises DeployError if the emulator has ended and cannot be restarted.
        """
        while not self._stopping.wait(CHECK_INTERVAL):
            self._rotate_logs()
            for name, status in self._children.ended().items():
                if not self._stopping.is_set():
                    message = f"Restarting {name}, which ended with status {status}."
                    self._echo(f"{message} Its log: {self.log(name)}")
                    self._children.restart(name)
            if self.target and not self.target.is_alive():
                self._restart_target(self.target)

    @property
    def decisions(self) -> Path:
        """Return the path of a file that says what users were allowed and denied."""
        return self.home / "aws" / "state" / "decisions.jsonl"

    def environment_of(self, user: str) -> dict[str, str]:
        """Return the environment of a service, or of another user in `roles.ROLES`."""
        return self.environment | self._own_variables(user)

    def kill(self, name: str) -> None:
        """End a process with SIGKILL, for tests of its recovery."""
        self._children.kill(name)

    def restart(self, name: str) -> None:
        """Start a service that was killed, and wait until it is ready."""
        self._children.restart(name)
        self._wait_until_ready(name, self._service_url(name) + "/health/ready")

    def log(self, name: str) -> Path:
        """Return the path of a process's log."""
        return self._children.log(name)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _emulator(self) -> DeploymentTarget:
        venv = virtual_environment.default_venv()
        virtual_environment.install(venv)
        secret = load_secrets(self._secrets_file).aws_secret_access_key
        emulator = MiniStack(
            venv,
            self.home / "aws",
            credentials=Credentials(secret_access_key=secret),
            origins=self._origins,
        )
        return EmulatorTarget(emulator)

    def _restart_target(self, target: DeploymentTarget) -> None:
        message = f"The emulator has ended. Its log: {target.log}"
        recent = [at for at in self._target_restarts if time.monotonic() - at < RESTART_WINDOW]
        if not target.can_restart() or len(recent) >= MAX_RESTARTS:
            raise DeployError(message)
        self._target_restarts = [*recent, time.monotonic()]
        self._echo(f"Restarting the emulator. {message}")
        target.start()

    def _rotate_logs(self) -> None:
        self._children.rotate_logs()
        if self.target and self.target.log:
            rotate(self.target.log)

    def _deploy_data(self, target: DeploymentTarget) -> StackOutputs:
        outputs = target.deploy(self._origins)
        if outputs.added:
            added = ", ".join(outputs.added)
            self._echo(
                "Set after the deployment, because the emulator ignores it in the template: "
                f"{added}."
            )
        return outputs

    def _create_users(self, target: DeploymentTarget) -> dict[str, Credentials]:
        assert isinstance(target, EmulatorTarget), "only the emulator enforces roles"
        users = roles.create_users(target.client, "tinypixo", REGION)
        if self._settings.get("TINYPIXO_SLOTS") == "0":
            users["conversion"] = users["conversion-api"]
        return users

    def _own_variables(self, user: str) -> dict[str, str]:
        """Return what no other process may know: the secrets and the AWS keys of this user."""
        return self._secrets_of(user) | self._keys_of(user)

    def _secrets_of(self, user: str) -> dict[str, str]:
        keys = load_secrets(self._secrets_file)
        if user == "janitor":
            return {"TINYPIXO_JANITOR_TOKEN": keys.janitor_token}
        if user in (*WEB, "conversion-api"):
            return {"TINYPIXO_SESSION_SECRET": keys.session_secret}
        return {}

    def _keys_of(self, user: str) -> dict[str, str]:
        if not self._enforce_roles:
            return {}
        key, secret = self._users[user]
        return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}

    def _shared_environment(self, target: DeploymentTarget) -> dict[str, str]:
        """Return the environment of all processes, without the caller's AWS variables."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "TINYPIXO_"))
        }
        return inherited | {
            "MALLOC_ARENA_MAX": "2",  # as in the images; see the Dockerfile
            **target.environment,
            "TINYPIXO_SECURE_COOKIES": "false",
            "TINYPIXO_SWEEP_EVERY": "60",
            "TINYPIXO_LOG_SPANS": "true",
            "TINYPIXO_TRUSTED_PROXIES": "1",
            **LOCAL_LIMITS,
            **self._settings,
        }

    def _gateway_environment(self, target: DeploymentTarget) -> dict[str, str]:
        return {
            "GATEWAY_ROUTES": json.dumps({name: self._service_url(name) for name in SERVICES}),
            "GATEWAY_PAGE": str(PAGE),
            "GATEWAY_BUCKET_ORIGIN": target.bucket_origin,
            "HOST": os.environ.get("HOST", "127.0.0.1"),
            "PORT": str(self.port),
        }

    def _service_url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def _start(self, name: str, module: str, variables: Mapping[str, str]) -> None:
        self._children.start(name, module, {**self.environment, **variables})

    def _wait_until_ready(self, name: str, url: str) -> None:
        process = self.processes[name]
        if not wait_until_responding(url, START_SECONDS, lambda: process.poll() is None):
            tail = self._children.log_tail(name)
            raise DeployError(f"{name} did not start. Its log: {self.log(name)}\n{tail}")


def _environment_of(outputs: StackOutputs) -> dict[str, str]:
    return {
        "TINYPIXO_BUCKET": outputs.bucket_name,
        "TINYPIXO_TABLE": outputs.table_name,
        "TINYPIXO_TOPIC_ARN": outputs.topic_arn,
        "TINYPIXO_CONVERSION_INBOX_URL": outputs.conversion_inbox_url,
        "TINYPIXO_JANITOR_INBOX_URL": outputs.janitor_inbox_url,
    }
