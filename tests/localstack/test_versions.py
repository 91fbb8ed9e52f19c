"""Run the images of this version and of the one before side by side, on one table of LocalStack.

Both are built from the Dockerfiles of their commits, and run as their own compose.yaml says. The
version before has a gateway of its own.
"""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml  # type: ignore[import-untyped]

from deploy.local.containers import COMPOSE_FILE, Containers
from deploy.local.network import free_port, wait_until_responding
from tests.localstack.test_containers import docker, inspected
from tests.localstack.test_outage import until
from tests.system.client import Client, Json
from tests.system.test_two_versions import (
    clients,
    share_session,
    test_what_one_version_began_the_other_continues,
    test_workers_of_both_versions_share_one_queue,
)
from tests.system.version_before import code_before

__all__ = [
    "clients",
    "code_before",
    "test_what_one_version_began_the_other_continues",
    "test_workers_of_both_versions_share_one_queue",
]

pytestmark = [pytest.mark.localstack, pytest.mark.long, pytest.mark.timeout(1800)]

SERVICES = ("upload", "conversion", "progress", "janitor")
VERSIONS = ("before", "now")


@pytest.fixture(scope="module")
def port_before() -> int:
    return free_port()


@pytest.fixture(scope="module")
def containers(code_before: Path, port_before: int) -> Iterator[Containers]:
    """Run both versions in one project."""
    added = code_before / "added.json"
    added.write_text(json.dumps(services_before(code_before, port_before)), "utf-8")
    project = f"tinypixo-test-{secrets.token_hex(3)}"
    running = Containers(project, free_port(), free_port(), files=(COMPOSE_FILE, added))
    try:
        running.up()
        yield running
    finally:
        running.down()


def services_before(code: Path, port: int) -> Json:
    """Return what a compose file must add to run the services of the version before."""
    found = yaml.safe_load((code / "deploy" / "compose.yaml").read_text("utf-8"))["services"]
    added: dict[str, Any] = {}
    for name in (*SERVICES, "gateway"):
        # Its gateway finds the services by the names that its own nginx.conf has.
        networks: Any = {"default": {}, "before": {"aliases": [name]}}
        build = {**found[name]["build"], "context": str(code)}
        image = f"tinypixo-before/{name}"
        added[f"{name}-before"] = {
            **found[name],
            "build": build,
            "image": image,
            "networks": networks,
        }
    added["gateway-before"] |= {
        "networks": ["before"],
        "ports": [f"127.0.0.1:{port}:8080"],
        "depends_on": {
            f"{name}-before": condition
            for name, condition in found["gateway"]["depends_on"].items()
        },
    }
    return {"services": added, "networks": {"before": {}}}


@pytest.fixture(scope="module")
def stack_url(containers: Containers) -> str:
    return containers.url


@pytest.fixture(scope="module")
def url_before(containers: Containers, port_before: int) -> str:
    url = f"http://localhost:{port_before}"
    assert wait_until_responding(url, 60)
    return url


@pytest.fixture
def paused(containers: Containers) -> Callable[[str, str], Any]:
    """Return a context manager that freezes a service of one version."""

    @contextmanager
    def freeze(service: str, version: str) -> Iterator[None]:
        container = container_of(containers, service, version)
        docker("pause", container)
        try:
            yield
        finally:
            docker("unpause", container)

    return freeze


def container_of(containers: Containers, service: str, version: str) -> str:
    return containers.container(service if version == "now" else f"{service}-before")


@pytest.mark.parametrize("service", [*SERVICES, "gateway"])
def test_the_versions_are_of_two_images(containers: Containers, service: str) -> None:
    images = {
        inspected(container_of(containers, service, version))["Image"] for version in VERSIONS
    }

    assert len(images) == 2


@pytest.mark.parametrize("version", VERSIONS)
def test_a_worker_of_one_version_runs_what_the_other_created(
    clients: dict[str, Client], paused: Callable[[str, str], Any], short: bytes, version: str
) -> None:
    creator = clients[version]
    with paused("conversion", version):
        upload = creator.upload(short, "song.wav", [{"format": "flac"}, {"format": "opus"}])
        ends = [creator.follow(each)[-1] for each in upload["conversions"]]

    assert {each["status"] for each in ends} == {"completed"}
    for conversion in upload["conversions"]:
        assert creator.download(conversion)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_janitor_of_one_version_clears_up_what_the_other_deleted(
    containers: Containers,
    clients: dict[str, Client],
    paused: Callable[[str, str], Any],
    short: bytes,
    version: str,
) -> None:
    creator = clients[version]
    upload = creator.upload(short, "song.wav", {"format": "mp3"})
    (conversion,) = upload["conversions"]
    creator.until_ended(conversion)
    ids = (upload["id"], conversion)
    assert objects(containers, *ids)

    with paused("janitor", version):
        assert creator.http.delete(f"/api/uploads/{upload['id']}").status_code == 204
        # A message that the frozen janitor was about to take comes again after a minute.
        until(lambda: not objects(containers, *ids), 180)


def test_an_event_stream_of_one_version_tells_what_the_other_does(
    clients: dict[str, Client], short: bytes
) -> None:
    clients["before"].http.get("/api/uploads")
    share_session(clients["before"], clients["now"])
    for one, other in (("before", "now"), ("now", "before")):
        upload = clients[one].create(short, "song.wav", {"format": "mp3"})
        stream = clients[other].events("/api/progress/events")
        next(stream)  # it is open
        clients[one].send(upload, short)
        clients[one].complete(upload)

        (conversion,) = upload["conversions"]
        told = next(
            data
            for _, data, _ in stream
            if data.get("id") == conversion and data["status"] == "completed"
        )
        assert told["percent"] == 100


def objects(containers: Containers, *ids: str) -> list[str]:
    """Return the keys of the bucket that contain one of these ids."""
    session: Any = boto3.Session("test", "test", region_name="us-east-1")
    client = session.client("s3", endpoint_url=f"http://localhost:{containers.s3_port}")
    (bucket,) = client.list_buckets()["Buckets"]
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"])
    keys = [each["Key"] for page in pages for each in page.get("Contents", [])]
    client.close()
    return [key for key in keys if any(each in key for each in ids)]
