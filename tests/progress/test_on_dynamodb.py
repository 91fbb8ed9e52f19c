"""Test the progress service on a table and its stream, on moto."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.local.network import free_port
from tests.contracts.aws import ANY_CREDENTIALS, AwsBackend, Connection, moto_running
from tests.fakes import FakeClock, a_conversion, an_upload
from tests.progress.support import SECRET, TIMEOUT, ServiceHarness, Stream, eventually, token_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def moto() -> Iterator[Connection]:
    with moto_running() as connection:
        yield connection


@pytest.fixture
def backend(moto: Connection, clock: FakeClock) -> Iterator[AwsBackend]:
    with moto.table() as table_name:
        yield AwsBackend(moto, table_name, clock)


@pytest.fixture(params=["stream", "poll"])
def service(request: pytest.FixtureRequest, backend: AwsBackend) -> Iterator[ServiceHarness]:
    service = ServiceHarness(backend.progress, backend.feed, progress_feed=request.param)
    service.start()
    if request.param == "stream":
        eventually(service.broadcaster.is_live)
    yield service
    service.close()


def test_a_conversion_is_followed_from_waiting_to_its_removal(
    service: ServiceHarness, backend: AwsBackend
) -> None:
    upload = an_upload(now=backend.clock())
    conversion = a_conversion(upload)
    backend.uploads.create(upload, [conversion])
    with service.follow(conversion.id) as stream:
        waiting = stream.next()
        backend.uploads.mark_uploaded(upload.id)
        backend.conversions.queue(conversion.id)
        queued = stream.next()
        backend.leases.claim(conversion.id, "worker", 30)
        claimed = stream.next()
        backend.conversions.remove(conversion.id, "somebody")
        rest = stream.rest()

    phases = [event.data["phase"] for event in (waiting, queued, claimed)]
    assert phases == ["waiting", "queued", "probing"]
    assert queued.data["queue_position"] == 1
    assert [event.name for event in rest] == ["removed"]


def test_everything_of_a_session_is_followed(service: ServiceHarness, backend: AwsBackend) -> None:
    with service.follow(owner="everything") as stream:
        eventually(lambda: service.broadcaster.count() == 1)
        upload = an_upload("everything", backend.clock())
        backend.uploads.create(upload, [])
        first = stream.next()
        backend.uploads.add_parts(upload.id, 1)
        second = stream.next()
        backend.uploads.remove(upload.id, "everything")
        third = stream.next()

    assert [(event.name, event.id) for event in (first, second, third)] == [
        ("progress", f"{upload.id}:1"),
        ("progress", f"{upload.id}:2"),
        ("removed", f"{upload.id}:3"),
    ]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_process_stops_although_streams_are_open(
    backend: AwsBackend, how: signal.Signals
) -> None:
    stack, port = backend.connection.stack, free_port()
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "TINYPIXO_"))
    }
    environment = kept | ANY_CREDENTIALS
    environment |= {
        "AWS_ENDPOINT_URL": backend.connection.s3.meta.endpoint_url,
        "TINYPIXO_BUCKET": stack.bucket_name,
        "TINYPIXO_TABLE": backend.table.name,
        "TINYPIXO_SESSION_SECRET": SECRET,
        "HOST": "127.0.0.1",
        "PORT": str(port),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "services.progress"],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    ) as process:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": f"Bearer {token_of('somebody')}"},
        ) as client:
            eventually(lambda: _answers(client))
            with client.stream("GET", "/api/progress/events", timeout=TIMEOUT) as response:
                stream = Stream(response)
                upload = an_upload(now=backend.clock())
                backend.uploads.create(upload, [])
                stream.until(lambda event: event.id == f"{upload.id}:1")
                process.send_signal(how)
                assert stream.rest() == []
        # A stream would go on for 100 s.
        assert process.wait(20) == 0


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/health/ready").status_code == 200
    except httpx.TransportError:
        return False
