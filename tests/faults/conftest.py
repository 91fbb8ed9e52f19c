"""Start a stack whose conversion service only serves the API; tests start their workers."""

import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from deploy.local.network import free_port
from deploy.local.stack import EmbeddedStack
from deploy.local.targets import EmulatorTarget
from libs.core.domain.conversions import output_prefix
from tests.audio import song
from tests.role_decisions import unexpected_denials
from tests.system.client import Client, Json

LEASE = 4
"""Seconds: as short as a busy machine allows, since every death costs a test that long."""

SETTINGS = {
    "TINYPIXO_SLOTS": "0",
    "TINYPIXO_LEASE": str(LEASE),
    "TINYPIXO_SWEEP_GRACE": "0",
    "TINYPIXO_SWEEP_EVERY": "0",
}

SECONDS = 100
"""Of sound."""

REQUESTS: tuple[Json, ...] = (
    {"format": "mp3"},
    {
        "format": "flac",
        "bit_depth": 24,
        "sample_rate": 96000,
        "normalize": -16.0,
    },  # 24 MB in three parts; two passes that take seconds
    {"format": "opus"},
)


@pytest.fixture(scope="session")
def faulty_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    home = tmp_path_factory.mktemp("faults")
    with EmbeddedStack(home, free_port(), settings=SETTINGS, enforce_roles=True) as running:
        yield running
    assert unexpected_denials(running) == []


@pytest.fixture
def kills() -> int:
    return int(os.environ.get("TINYPIXO_KILLS", "6"))


@pytest.fixture
def client(faulty_stack: EmbeddedStack) -> Iterator[Client]:
    with Client(faulty_stack.url) as new:
        yield new


@pytest.fixture(scope="session")
def track(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a small file with long sound."""
    return song(tmp_path_factory.mktemp("audio"), SECONDS, "song.mp3", "-b:a", "96k").read_bytes()


@pytest.fixture(scope="session")
def bucket(faulty_stack: EmbeddedStack) -> Iterator["Bucket"]:
    assert isinstance(faulty_stack.target, EmulatorTarget)
    client = faulty_stack.target.client("s3")
    yield Bucket(faulty_stack, client)
    client.close()


class Bucket:
    """List the bucket, and let the janitor sweep it."""

    def __init__(self, stack: EmbeddedStack, client: Any) -> None:
        assert stack.outputs
        self._name = stack.outputs.bucket_name
        self._client = client
        self._sweep = f"http://127.0.0.1:{stack.ports['janitor']}/sweep"
        self._token = stack.environment_of("janitor")["TINYPIXO_JANITOR_TOKEN"]

    def outputs_of(self, conversion_id: str) -> list[str]:
        """Return the keys under a conversion's prefix, those of open multipart uploads included."""
        prefix = output_prefix(conversion_id)
        objects = self._client.list_objects_v2(Bucket=self._name, Prefix=prefix).get("Contents", [])
        unfinished = self._client.list_multipart_uploads(Bucket=self._name, Prefix=prefix).get(
            "Uploads", []
        )
        return [found["Key"] for found in (*objects, *unfinished)]

    def sweep(self) -> Json:
        """Sweep once, expect that nothing fails, and return the result."""
        answer = httpx.post(
            self._sweep, json={}, headers={"Authorization": f"Bearer {self._token}"}, timeout=60
        )
        assert answer.status_code == 200, answer.text
        result: Json = answer.json()
        assert result["failed"] == []
        return result


@pytest.fixture(scope="session")
def hashes(faulty_stack: EmbeddedStack, track: bytes) -> list[str]:
    """Return the SHA-256 of each of REQUESTS, made of the track without a fault."""
    from tests.faults.workers import workers

    with Client(faulty_stack.url) as client, workers(faulty_stack, "undisturbed", slots=2):
        upload = client.upload(track, "song.mp3", list(REQUESTS))
        ended = [client.until_ended(conversion_id) for conversion_id in upload["conversions"]]
    assert {conversion["status"] for conversion in ended} == {"completed"}
    return [conversion["output"]["sha256"] for conversion in ended]
