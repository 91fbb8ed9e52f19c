"""Control MiniStack as a process.

Everything it keeps is in one folder, and survives a restart and a kill: what was acknowledged is on
disk. Only the records of the table's stream do not survive.
"""

import contextlib
import os
import secrets
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.errors import DeployError
from deploy.local.credentials import Credentials
from deploy.local.emulator.virtual_environment import REPOSITORY
from deploy.local.logs import open_log
from deploy.local.network import free_port, wait_until_responding

START_SECONDS = 60.0
STOP_SECONDS = 20.0


class MiniStack:
    """Run one MiniStack on localhost, as a context manager."""

    is_durable = True

    def __init__(
        self,
        venv: Path,
        data: Path,
        port: int = 0,
        credentials: Credentials | None = None,
        origins: Sequence[str] = (),
    ) -> None:
        """Configure the process.

        Args:
            venv: The environment that `virtual_environment.install` has made.
            data: The folder of everything that MiniStack keeps.
            port: The port on localhost; 0 for any free one.
            credentials: The credentials that requests must be signed with; by default new ones.
            origins: The origins whose pages may send requests, by presigned URLs.
        """
        # Absolute, because the process runs in another working directory.
        self._venv = venv.absolute()
        self._data = data.absolute()
        self._origins = origins
        self.credentials = credentials or Credentials(secret_access_key=secrets.token_hex(20))
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port or free_port()

    @property
    def endpoint_url(self) -> str:
        """Return the value for AWS_ENDPOINT_URL."""
        return f"http://localhost:{self.port}"

    @property
    def log(self) -> Path:
        """Return the path of its log."""
        return self._data / "ministack.log"

    @property
    def pid(self) -> int | None:
        """Return the process id, or None if it was not started."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the process and wait until it answers. Raise DeployError if it does not."""
        self.kill()
        with open_log(self.log) as log:
            self._process = subprocess.Popen(
                [str(self._venv / "bin/python"), "-s", "-m", "deploy.local.emulator.server"],
                cwd=REPOSITORY,
                env=self._environment(),
                # Nothing is written to this pipe. It closes when our process ends, and the
                # server then ends as well.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal must not reach it: the services stop first.
                start_new_session=True,
            )
        ready = f"http://127.0.0.1:{self.port}/_ministack/ready"
        if not wait_until_responding(ready, START_SECONDS, self.is_alive):
            self.stop()
            message = f"MiniStack did not start on port {self.port}:\n{_tail(self.log)}"
            raise DeployError(message)

    def is_alive(self) -> bool:
        """Return True while the process runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End the process with SIGTERM. Does nothing if it has ended.

        It is killed if that takes longer than `STOP_SECONDS`.
        """
        if self._process is None:
            return
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End the process with SIGKILL. Does nothing if it has ended."""
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _environment(self) -> dict[str, str]:
        """Return MiniStack's settings, without any AWS variable of the caller."""
        inherited = {
            name: os.environ[name]
            for name in ("PATH", "HOME", "LANG", "TMPDIR")
            if name in os.environ
        }
        return inherited | {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self._data / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self._data / "objects"),
            # Verify presigned URLs, policies and CORS rules.
            "AUTH": "true",
            "AWS_ACCESS_KEY_ID": self.credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.credentials.secret_access_key,
            "ALLOWED_ORIGINS": ",".join(self._origins),
            "LOG_LEVEL": "WARNING",
            # The server imports modules of this repository, which must not get .pyc files.
            "PYTHONDONTWRITEBYTECODE": "1",
            # TinyPixo does not use these services, which open ports or look for Docker.
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "DOCKER_HOST": "unix:///nonexistent",
        }


def _tail(path: Path) -> str:
    return path.read_text("utf-8", errors="replace")[-4000:] if path.exists() else ""
