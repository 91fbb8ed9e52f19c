"""Install the clients once, and offer a file, a session and a look into the bucket."""

import fcntl
import hashlib
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from deploy.local.stack import EmbeddedStack
from deploy.local.targets import EmulatorTarget
from libs.core.domain.uploads import MIB, source_key

HERE = Path(__file__).parent
IS_FULL = "TINYPIXO_CLIENT_MIB" in os.environ
"""`make test-clients`. In `make test`, what another case shows as well is left out."""
SIZE = int(os.environ.get("TINYPIXO_CLIENT_MIB", "20")) * MIB
"""Bytes of the file that is sent; 100 MiB in `make test-clients`."""


def install(package: str) -> Path:
    """Install the packages that a client needs, exactly as its lock file names them."""
    folder = HERE / package
    installed = folder / "node_modules" / ".package-lock.json"
    locked = (folder / "package-lock.json").stat().st_mtime
    npm = shutil.which("npm")
    assert npm, "these tests need Node, as the page does"
    with (folder / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another pytest may want them at the same time
        if not installed.exists() or installed.stat().st_mtime < locked:
            command = [npm, "ci", "--loglevel=error", "--no-audit", "--no-fund"]
            subprocess.run(command, cwd=folder, check=True)
    return folder


@pytest.fixture(scope="package")
def tus_folder() -> Path:
    return install("tus")


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a file of random bytes that no part boundary divides."""
    path = tmp_path_factory.mktemp("clients") / "clients.wav"
    path.write_bytes(random.Random(1).randbytes(SIZE + 12_345))
    return path


@pytest.fixture
def token(stack_url: str) -> str:
    answer = httpx.post(f"{stack_url}/api/session", json={})
    assert answer.status_code == 201
    return str(answer.json()["token"])


@pytest.fixture
def stored_digest(stack: EmbeddedStack) -> Iterator[Callable[[str], str]]:
    """Return a function that gives the SHA-256 of an upload's bytes in S3."""
    assert stack.outputs
    bucket = stack.outputs.bucket_name
    assert isinstance(stack.target, EmulatorTarget)
    client = stack.target.client("s3")

    def digest(upload_id: str) -> str:
        body = client.get_object(Bucket=bucket, Key=source_key(upload_id))["Body"]
        return hashlib.sha256(body.read()).hexdigest()

    yield digest
    client.close()


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def kill_points(last: float = 0.85) -> list[float]:
    """Return three shares of the file at which a client is killed, in ascending order."""
    seed = int(os.environ.get("TINYPIXO_SEED", random.randrange(2**32)))
    print(f"seed {seed}")
    return sorted(random.Random(seed).uniform(0.15, last) for _ in range(3))
