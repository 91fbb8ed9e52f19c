"""Test services that start before AWS can be reached."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from deploy.local.bootstrap import Clients, deploy_stack
from deploy.local.credentials import Credentials
from deploy.local.emulator import virtual_environment
from deploy.local.emulator.process import MiniStack
from deploy.local.network import free_port
from deploy.local.processes import ROOT
from tests.deploy.service_settings import ENOUGH, KINDS
from tests.system.client import problem

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

RECOVERY_SECONDS = 30.0
ACCOUNT = "000000000000"
CREDENTIALS = Credentials()


class RunningServices:
    """Run the four services with an AWS endpoint that may not answer."""

    def __init__(self, endpoint: str, folder: Path) -> None:
        inbox = f"{endpoint}/{ACCOUNT}/tinypixo"
        self._environment = {
            **ENOUGH,
            "PATH": os.environ["PATH"],
            "HOST": "127.0.0.1",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": CREDENTIALS.access_key_id,
            "AWS_SECRET_ACCESS_KEY": CREDENTIALS.secret_access_key,
            "TINYPIXO_BUCKET": f"tinypixo-{ACCOUNT}-us-east-1",
            "TINYPIXO_CONVERSION_INBOX_URL": f"{inbox}-conversion-inbox",
            "TINYPIXO_JANITOR_INBOX_URL": f"{inbox}-janitor-inbox",
        }
        self.logs = {name: folder / f"{name}.log" for name in KINDS}
        self.ports = {name: free_port() for name in KINDS}
        self.processes = {name: self._start(name) for name in KINDS}

    def _start(self, name: str) -> "subprocess.Popen[bytes]":
        environment = {**self._environment, "PORT": str(self.ports[name])}
        with open(self.logs[name], "wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"services.{name}"],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
            )

    def ask(self, name: str, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.ports[name]}{path}", timeout=20)

    def answers(self, name: str, path: str, status: int) -> bool:
        try:
            return self.ask(name, path).status_code == status
        except httpx.TransportError:
            return False

    def lines_logged(self) -> dict[str, int]:
        return {name: log.read_bytes().count(b"\n") for name, log in self.logs.items()}

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def services(port: int, tmp_path: Path) -> Iterator[RunningServices]:
    running = RunningServices(f"http://localhost:{port}", tmp_path)
    yield running
    running.stop()


@pytest.fixture
def emulator(port: int, tmp_path: Path) -> Iterator[MiniStack]:
    """Return an emulator that is not started yet."""
    venv = virtual_environment.default_venv()
    virtual_environment.install(venv)
    emulator = MiniStack(venv, tmp_path / "aws", port, CREDENTIALS)
    yield emulator
    emulator.stop()


def deploy(endpoint: str) -> None:
    session: Any = boto3.Session(*CREDENTIALS, region_name="us-east-1")
    clients = Clients.create(lambda name: session.client(name, endpoint_url=endpoint))
    deploy_stack(clients)
    for client in vars(clients).values():
        client.close()


def until(true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)


def test_services_start_without_aws_and_are_ready_when_it_appears(
    services: RunningServices, emulator: MiniStack
) -> None:
    for name in KINDS:
        until(partial(services.answers, name, "/health/live", 200), 30)
        problem(services.ask(name, "/health/ready"), 503, "not_ready")
    response = services.ask("upload", "/api/uploads")
    assert int(response.headers["retry-after"]) > 0
    problem(response, 503, "storage_unavailable")
    began, written = time.monotonic(), services.lines_logged()
    while time.monotonic() - began < 8:
        assert all(process.poll() is None for process in services.processes.values())
        time.sleep(0.5)
    # Without backoff, each retry would be followed by the next one within milliseconds.
    most = 4 * (time.monotonic() - began)
    assert all(lines - written[name] < most for name, lines in services.lines_logged().items())

    emulator.start()
    deploy(emulator.endpoint_url)

    for name in KINDS:
        until(partial(services.answers, name, "/health/ready", 200), RECOVERY_SECONDS)
    until(lambda: services.answers("upload", "/api/uploads", 200), RECOVERY_SECONDS)
    assert all(process.poll() is None for process in services.processes.values())
