"""Run this version and the one before side by side, on one table, bucket and inbox.

This is what every deployment does for some minutes, and a rollback for longer. Both run from source
here; `make test-versions` runs their images.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.network import free_port, wait_until_responding
from deploy.local.processes import ROOT, terminate_with_parent
from deploy.local.stack import EmbeddedStack
from tests.system.client import Client, Json, ok
from tests.system.version_before import code_before

__all__ = ["code_before"]

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

SERVICES = ("upload", "conversion", "progress")


@pytest.fixture(scope="module")
def url_before(code_before: Path, stack: EmbeddedStack) -> Iterator[str]:
    """Start the services of the version before beside those of the stack, with a gateway."""
    ports = {name: free_port() for name in (*SERVICES, "gateway")}
    routes = {name: f"http://127.0.0.1:{ports[name]}" for name in SERVICES}
    gateway = {
        "GATEWAY_ROUTES": json.dumps(routes),
        "GATEWAY_PAGE": str(ROOT / "frontend" / "dist"),
        "GATEWAY_BUCKET_ORIGIN": "http://127.0.0.1",
    }
    url = f"http://localhost:{ports['gateway']}"
    running: list[subprocess.Popen[bytes]] = []
    try:
        for name, port in ports.items():
            module = "deploy.local.gateway" if name == "gateway" else f"services.{name}"
            # The gateway asks nothing of AWS, and has no role.
            given = stack.environment if name == "gateway" else stack.environment_of(name)
            address = {"HOST": "127.0.0.1", "PORT": str(port), "PYTHONPATH": str(code_before)}
            with (code_before / f"{name}.log").open("wb") as log:
                running.append(
                    subprocess.Popen(
                        [sys.executable, "-m", module],
                        cwd=code_before,
                        env={**os.environ, **given, **gateway, **address},
                        stdout=log,
                        stderr=log,
                        preexec_fn=terminate_with_parent,
                    )
                )
        for route in routes.values():
            assert wait_until_responding(f"{route}/health/ready", 60), code_before
        assert wait_until_responding(url, 60)
        yield url
    finally:
        for process in running:
            process.terminate()
        ends = [process.wait(60) for process in running]
    # The gateway, which is the last, reports the signal.
    assert ends[:-1] == [0] * len(SERVICES)


@pytest.fixture
def clients(url_before: str, stack_url: str) -> Iterator[dict[str, Client]]:
    """Return a client of each version, in one session."""
    with Client(url_before) as before, Client(stack_url) as now:
        yield {"before": before, "now": now}


def share_session(source: Client, other: Client) -> None:
    other.http.cookies.update(source.http.cookies)


@pytest.mark.parametrize(("first", "then"), [("before", "now"), ("now", "before")])
def test_what_one_version_began_the_other_continues(
    clients: dict[str, Client], short: bytes, first: str, then: str
) -> None:
    one, other = clients[first], clients[then]
    upload = one.create(short, "song.wav", {"format": "mp3"})
    share_session(one, other)
    one.send(upload, short)

    assert other.complete(upload)["status"] == "uploaded"

    conversion = upload["conversions"][0]
    assert other.follow(conversion)[-1]["status"] == "completed"
    assert one.download(conversion) == other.download(conversion)
    assert listed(one) == listed(other) == [conversion]
    assert other.http.delete(f"/api/uploads/{upload['id']}").status_code == 204
    assert listed(one) == listed(other) == []


def test_workers_of_both_versions_share_one_queue(clients: dict[str, Client], short: bytes) -> None:
    one, other = clients["before"], clients["now"]
    upload = one.upload(short, "song.wav")
    share_session(one, other)

    requested = [
        client.convert(upload["id"], format=name)["id"]
        for name in ("mp3", "flac", "wav", "ogg")
        for client in (one, other)
    ]

    for conversion in requested:
        for client in (one, other):
            found = client.until_ended(conversion)
            assert (found["status"], found["id"]) == ("completed", conversion), found
    assert sorted(listed(one)) == sorted(listed(other)) == sorted(requested)


def listed(client: Client) -> list[str]:
    """Return the ids of the session's conversions."""
    page: Json = ok(client.http.get("/api/conversions"))
    return [each["id"] for each in page["items"]]
