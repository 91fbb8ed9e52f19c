"""The four services in containers on LocalStack, by compose: `python -m deploy.local.containers up`, `down` or `build`.

PORT (8000) is the page's port, S3_PORT (4566) LocalStack's, both on localhost only. Needs Python and Docker, nothing else.
"""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

COMPOSE_FILE = Path(__file__).resolve().parents[1] / "compose.yaml"
READY_SECONDS = 60.0

_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK")
"""Variables that programs need. No other reaches the containers' configuration, least of all a key of the caller's."""


class ContainersError(Exception):
    """Indicates that the containers cannot run; the text is for a person to act on."""


@dataclass
class Containers:
    """One compose project. Two of them with ports of their own may run side by side."""

    project: str = "tinypixo"
    port: int = 8000
    s3_port: int = 4566
    say: Callable[[str], None] = print
    _secrets: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://localhost:{self.port}"

    def up(self) -> None:
        """Builds the images, starts everything and returns when all of it answers. Raises ContainersError."""
        self._demand_docker()
        if self.is_up():
            raise ContainersError(f"It is running already. To end it: make stop-localstack (project {self.project})")
        for port, variable in ((self.port, "PORT"), (self.s3_port, "S3_PORT")):
            refuse_taken_port(port, variable)
        self.build()
        self.say("Starting …")
        self._secrets = {"TINYPIXO_SESSION_SECRET": secrets.token_hex(32), "TINYPIXO_JANITOR_TOKEN": secrets.token_hex(16)}
        self._demand("up", "--detach", "--no-build")
        self._await_ready()

    def build(self) -> None:
        """Builds the images, which is quick when nothing has changed. Raises ContainersError."""
        self._demand_docker()
        self.say("Building the images (minutes the first time) …")
        self._demand("build", "--quiet")

    def down(self) -> None:
        """Ends everything and takes its data away; nothing need be there. Raises ContainersError."""
        self._demand_docker()
        self._demand("down", "--volumes", "--remove-orphans", "--timeout", "35")

    def is_up(self) -> bool:
        """Whether a container of the project exists."""
        return bool(self._containers())

    def container(self, service: str) -> str:
        """The id of a service's container; empty where it has none."""
        return self._containers(f"com.docker.compose.service={service}")

    def compose(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a command of compose; whether it went well is the caller's to see."""
        command = [*_compose(), "--project-name", self.project, "--file", str(COMPOSE_FILE), *arguments]
        return subprocess.run(command, env=self._environment(), capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)

    def _containers(self, *labels: str) -> str:
        """Ids, a line each. Compose itself would be asked for seconds."""
        filters = [f"--filter=label={label}" for label in (f"com.docker.compose.project={self.project}", *labels)]
        command = ["docker", "ps", "--all", "--quiet", "--no-trunc", *filters]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    def _environment(self) -> Mapping[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("DOCKER_")}
        # Compose wants them for every command; only `up` hands them to a container.
        unused = {"TINYPIXO_SESSION_SECRET": "unused", "TINYPIXO_JANITOR_TOKEN": "unused"}
        return kept | {"PORT": str(self.port), "S3_PORT": str(self.s3_port)} | unused | self._secrets

    def _demand(self, *arguments: str) -> None:
        done = self.compose(*arguments)
        if done.returncode:
            said = (done.stderr or done.stdout)[-3000:]
            raise ContainersError(f"compose {arguments[0]} failed:\n{said}\n{self._last_words() if arguments[0] == 'up' else ''}")

    def _demand_docker(self) -> None:
        if not shutil.which("docker"):
            raise ContainersError("Docker is not installed here. `make run` needs none: it runs the same on an embedded emulator.")
        if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
            raise ContainersError("No Docker engine answers. Start it, or use `make run`, which needs none.")
        _compose()

    def _await_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not all(_answers(f"http://127.0.0.1:{self.port}{path}") for path in ("/", "/api/formats", "/api/uploads")):
            if time.monotonic() > deadline:
                raise ContainersError(f"It does not answer:\n{self._last_words()}")
            time.sleep(0.2)

    def _last_words(self) -> str:
        return self.compose("ps").stdout + self.compose("logs", "--no-color", "--tail", "20").stdout


def refuse_taken_port(port: int, variable: str) -> None:
    """Raises ContainersError when somebody listens there already."""

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise ContainersError(f"Port {port} is in use. Choose another one: make run-localstack {variable}={port + 1}") from None


def _compose() -> list[str]:
    """Compose's command: Docker's plugin, or the program of its own that it was before."""
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0:
        return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    raise ContainersError("Docker is here, but neither `docker compose` nor `docker-compose` is.")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _port(variable: str, default: int) -> int:
    given = os.environ.get(variable) or str(default)
    if not given.isdecimal() or not 0 < int(given) < 65536:
        raise ContainersError(f"{variable}={given} is not a port. Example: make run-localstack {variable}={default + 1}")
    return int(given)


def main(arguments: list[str]) -> int:
    """The command line; returns the exit status."""
    command = arguments[0] if len(arguments) == 1 else ""
    try:
        containers = Containers(port=_port("PORT", 8000), s3_port=_port("S3_PORT", 4566))
        if command == "up":
            containers.up()
            print(f"\n  TinyPixo is ready:  {containers.url}\n\n  make stop-localstack ends it; its data goes with it.\n")
        elif command == "down":
            containers.down()
            print("Ended. What was in it is gone.")
        elif command == "build":
            containers.build()
        else:
            print(__doc__, file=sys.stderr)
            return 2
    except ContainersError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
