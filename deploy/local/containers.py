"""Run the system in containers on LocalStack.

Usage: `python -m deploy.local.containers up|down|build`. PORT (8000) is the port of the page,
S3_PORT (4566) the port of LocalStack, both on localhost. NAME (tinypixo) tells several systems on
one machine apart. Needs Docker and Python's standard library only.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

from deploy.errors import DeployError
from deploy.local.network import parse_port, require_free_port, wait_until_responding

COMPOSE_FILE = Path(__file__).resolve().parents[1] / "compose.yaml"
READY_SECONDS = 60.0
READY_PATHS = ("/", "/api/formats", "/api/uploads")

_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK")
"""Variables that programs need. No other variable of the caller reaches a container."""


@dataclass
class Containers:
    """Run one Compose project. Several projects with different ports may run side by side."""

    project: str = "tinypixo"
    port: int = 8000
    s3_port: int = 4566
    echo: Callable[[str], None] = print
    files: Sequence[Path] = (COMPOSE_FILE,)
    """The file of the project, and files that change it."""
    secrets: dict[str, str] = field(default_factory=dict)
    """Environment variables of the services that `up` makes anew."""

    @property
    def url(self) -> str:
        """Return the URL of the page."""
        return f"http://localhost:{self.port}"

    def up(self) -> None:
        """Build the images, start everything and return when all answers. Raises DeployError."""
        self._require_docker()
        if self.is_up():
            stop = f"make stop-localstack NAME={self.project}"
            raise DeployError(
                f"TinyPixo is running already. To stop it: {stop}. To run another one beside it: "
                "make run-localstack NAME=… PORT=… S3_PORT=…"
            )
        for port, variable in ((self.port, "PORT"), (self.s3_port, "S3_PORT")):
            require_free_port(port, f"make run-localstack {variable}={port + 1}")
        self.build()
        self.echo("Starting …")
        self.secrets = {
            "TINYPIXO_SESSION_SECRET": token_hex(32),
            "TINYPIXO_JANITOR_TOKEN": token_hex(16),
        }
        self.run("up", "--detach", "--no-build")
        self.wait_until_ready()

    def build(self) -> None:
        """Build the images. Raises DeployError."""
        self._require_docker()
        self.echo("Building the images, which takes minutes the first time …")
        self.run("build", "--quiet")

    def down(self) -> bool:
        """Stop everything and delete its data. Return False if there was nothing.

        Raises DeployError.
        """
        self._require_docker()
        was_up = self.is_up()
        self.run("down", "--volumes", "--remove-orphans", "--timeout", "35")
        return was_up

    def is_up(self) -> bool:
        """Return True if the project has a container."""
        return bool(self._container_ids())

    def log_lines(self) -> Iterator[str]:
        """Yield the lines of all logs; none if Docker is missing or nothing runs."""
        if shutil.which("docker") and self.is_up():
            yield from self.compose("logs", "--no-color", "--no-log-prefix").stdout.splitlines()

    def container(self, service: str) -> str:
        """Return the id of a service's container, or an empty string if it has none."""
        return self._container_ids(f"com.docker.compose.service={service}")

    def compose(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a Compose command, and return its result whether it failed or not."""
        files = [argument for file in self.files for argument in ("--file", str(file))]
        return subprocess.run(
            [*_compose_command(), "--project-name", self.project, *files, *arguments],
            env=self._environment(),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def _container_ids(self, *labels: str) -> str:
        """Return ids, one a line. `docker ps` is faster than Compose by seconds."""
        labels = (f"com.docker.compose.project={self.project}", *labels)
        filters = [f"--filter=label={label}" for label in labels]
        command = ["docker", "ps", "--all", "--quiet", "--no-trunc", *filters]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    def _environment(self) -> Mapping[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name in _INHERITED or name.startswith("DOCKER_")
        }
        # Compose requires them for every command, but only `up` passes them to containers.
        unused = {"TINYPIXO_SESSION_SECRET": "unused", "TINYPIXO_JANITOR_TOKEN": "unused"}
        ports = {"PORT": str(self.port), "S3_PORT": str(self.s3_port)}
        return inherited | ports | unused | self.secrets

    def run(self, *arguments: str) -> None:
        """Run a Compose command. Raises DeployError if it fails."""
        done = self.compose(*arguments)
        if done.returncode:
            output = (done.stderr or done.stdout)[-3000:]
            logs = self._logs() if arguments[0] == "up" else ""
            raise DeployError(f"docker compose {arguments[0]} failed:\n{output}\n{logs}")

    def _require_docker(self) -> None:
        if not shutil.which("docker"):
            raise DeployError("Docker is not installed. Use `make run`, which needs no Docker.")
        if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
            message = "No Docker engine answers. Start it, or use `make run`, which needs none."
            raise DeployError(message)
        _compose_command()

    def wait_until_ready(self) -> None:
        """Return when all services answer. Raises DeployError."""
        for path in READY_PATHS:
            if not wait_until_responding(f"http://127.0.0.1:{self.port}{path}", READY_SECONDS):
                raise DeployError(f"TinyPixo does not answer:\n{self._logs()}")

    def _logs(self) -> str:
        logs = self.compose("logs", "--no-color", "--tail", "20").stdout
        return self.compose("ps").stdout + logs


def _compose_command() -> list[str]:
    """Return the command of Compose: Docker's plugin, or the older program."""
    plugin = ["docker", "compose"]
    if subprocess.run([*plugin, "version"], capture_output=True, check=False).returncode == 0:
        return plugin
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    raise DeployError("Docker has neither `docker compose` nor `docker-compose`. Install one.")


def _port(variable: str, default: int) -> int:
    value = os.environ.get(variable) or str(default)
    return parse_port(variable, value, f"make run-localstack {variable}={default + 1}")


def project_name() -> str:
    """Return the name of the project that NAME gives. Raises DeployError if it is none."""
    name = os.environ.get("NAME") or "tinypixo"
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise DeployError(
            f"NAME={name} is not a valid name: use a-z, 0-9, hyphens and underscores."
        )
    return name


def main(arguments: list[str]) -> int:
    """Run the command line, and return the exit status."""
    command = arguments[0] if len(arguments) == 1 else ""
    try:
        containers = Containers(project_name(), _port("PORT", 8000), _port("S3_PORT", 4566))
        if command == "up":
            containers.up()
            print(f"\n  TinyPixo is ready:  {containers.url}\n")
            print("  make stop-localstack stops it and deletes its data.\n")
        elif command == "down":
            was_up = containers.down()
            print("Stopped. Its data is deleted." if was_up else "Nothing was running.")
        elif command == "build":
            containers.build()
        else:
            print(__doc__, file=sys.stderr)
            return 2
    except DeployError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
