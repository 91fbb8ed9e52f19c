"""Run LocalStack in a container, as the emulator of a stack of local processes."""

import os
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from deploy.local.credentials import Credentials
from deploy.local.network import free_port

# Testcontainers reads it when it is imported. Its reaper is an image that may not be available.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")

from testcontainers.core.container import DockerContainer

IMAGE = "localstack/localstack:4.14.0"
"""The last release that needs no token."""

START_SECONDS = 120.0


class LocalStack:
    """Run LocalStack as an `Emulator`. It keeps its port while it is paused."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self._container = (
            DockerContainer(IMAGE)
            .with_bind_ports(4566, self.port)
            .with_env("PROVIDER_OVERRIDE_DYNAMODB", "v2")
            .with_env("PROVIDER_OVERRIDE_DYNAMODBSTREAMS", "v2")
            .with_env("DISABLE_EVENTS", "1")
            .with_env("SKIP_SSL_CERT_DOWNLOAD", "1")
        )
        self._running: Any = None

    credentials = Credentials()
    is_durable = False

    @property
    def endpoint_url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def log(self) -> Path:
        return self._folder / "localstack.log"

    def start(self) -> None:
        self._container.start()
        self._running = self._container.get_wrapped_container()
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert time.monotonic() < deadline, self._container.get_logs()[1][-2000:]
            time.sleep(0.2)

    def stop(self) -> None:
        if self._running is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        self.log.write_bytes(self._running.logs())
        if self._status() == "paused":
            self.unpause()
        self._container.stop()
        self._running = None

    def is_alive(self) -> bool:
        return self._running is not None and self._status() in ("running", "paused")

    def pause(self) -> None:
        """Freeze it: it accepts connections, but does not answer."""
        self._running.pause()

    def unpause(self) -> None:
        self._running.unpause()

    def _status(self) -> str:
        self._running.reload()
        return str(self._running.status)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(
                f"{self.endpoint_url}/_localstack/health", timeout=2
            ) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False
