"""`make run-localstack`: the containers that are deployed, on LocalStack, behind nginx."""

import json
import os
import re
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.containers import Containers, ContainersError
from deploy.local.emulator import free_port
from tests.audio import decoded_seconds
from tests.localstack.test_outage import until
from tests.system.client import Client, ok, problem

pytestmark = [pytest.mark.localstack, pytest.mark.timeout(900)]

SERVICES = ["upload", "conversion", "progress", "janitor"]
OURS = [*SERVICES, "relay", "gateway"]


@pytest.fixture(scope="module")
def containers() -> Iterator[Containers]:
    running = Containers(f"tinypixo-test-{secrets.token_hex(3)}", free_port(), free_port())
    try:
        running.up()
        yield running
    finally:
        running.down()


@pytest.fixture
def stack_url(containers: Containers) -> str:
    return containers.url


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout.strip()


def inspected(container: str) -> Any:
    return json.loads(docker("inspect", container))[0]


def test_a_file_goes_in_and_comes_out_through_nginx(client: Client, wav: bytes, saved: Path) -> None:
    upload = client.upload(wav, "Grüße.wav", {"format": "mp3", "bitrate": "128k"})

    progress = client.follow(upload["conversions"][0])

    assert progress[-1]["status"] == "completed"
    saved.write_bytes(client.download(upload["conversions"][0]))
    assert decoded_seconds(saved) == pytest.approx(65, abs=0.05)


def test_urls_for_browsers_point_to_the_port_that_browsers_reach(client: Client, containers: Containers, short: bytes) -> None:
    upload = client.create(short, "short.wav")

    signed = ok(client.http.post(f"/api/uploads/{upload['id']}/parts/sign", json={"part_numbers": [1]}))["parts"][0]

    assert signed["url"].startswith(f"http://localhost:{containers.s3_port}/")


def test_events_come_through_nginx_when_they_happen(client: Client, short: bytes) -> None:
    upload = client.create(short, "short.wav")
    stream = client.events("/api/progress/events")
    assert next(stream)[1]["percent"] == 0

    client.send(upload, short)

    assert next(data for _, data, _ in stream if data["percent"] == 100)["id"] == upload["id"]


def test_the_page_may_speak_to_this_origin_and_the_bucket_only(client: Client, containers: Containers) -> None:
    answer = client.http.get("/")

    assert "TinyPixo" in answer.text
    policy = answer.headers["content-security-policy"]
    assert f"connect-src 'self' http://localhost:{containers.s3_port};" in policy
    assert "default-src 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-cache"


def test_what_the_page_loads_is_compressed_and_kept_for_good(client: Client) -> None:
    found = re.search(r'src="(/assets/[^"]+\.js)"', client.http.get("/").text)
    assert found

    answer = client.http.get(found[1])

    assert answer.status_code == 200
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]


def test_a_body_that_is_too_large_is_refused_in_our_words(client: Client) -> None:
    problem(client.http.post("/api/uploads", content=b"x" * 70_000), 413, "body_too_large")


@pytest.mark.parametrize("path", ["/sweep", "/api/janitor/schema", "/nothing", "/api/nothing"])
def test_what_is_not_for_the_outside_is_not_found_there(client: Client, path: str) -> None:
    assert client.http.post(path).status_code in (404, 405)
    problem(client.http.get(path), 404, "not_found")


def test_a_service_that_starts_anew_is_missed_in_words_and_found_again(client: Client, containers: Containers) -> None:
    container = containers.container("upload")
    docker("stop", "--time", "30", container)
    assert inspected(container)["State"]["ExitCode"] == 0
    problem(client.http.get("/api/uploads"), 503, "storage_unavailable")

    docker("start", container)

    until(lambda: client.http.get("/api/uploads").status_code == 200)


@pytest.mark.parametrize("service", OURS)
def test_a_container_of_ours_has_no_rights_and_writes_nowhere(containers: Containers, service: str) -> None:
    found = inspected(containers.container(service))

    assert found["Config"]["User"] == "10001:10001"
    host = found["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["Memory"] > 0


def test_the_converter_is_in_its_strongest_jail_in_a_container_too(containers: Containers) -> None:
    code = "from services.conversion.adapters import jail; print(jail.best_jail())"

    assert docker("exec", containers.container("conversion"), "python", "-c", code) == "asking"


def test_nothing_of_the_callers_environment_reaches_a_container(containers: Containers) -> None:
    for service in [*SERVICES, "relay"]:
        environment = inspected(containers.container(service))["Config"]["Env"]
        keys = {line for line in environment if line.startswith(("AWS_ACCESS", "AWS_SECRET", "AWS_SESSION", "AWS_PROFILE"))}
        assert keys == {"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test"}


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_answers_within_two_seconds_of_work(containers: Containers, service: str) -> None:
    """Seconds of the processor, which it spends alike whatever else this machine is doing."""
    port = free_port()
    environment = [f"--env={line}" for line in inspected(containers.container(service))["Config"]["Env"]]
    container = docker("run", "--detach", "--rm", "--read-only", f"--publish=127.0.0.1:{port}:8000", *environment, f"tinypixo/{service}")
    try:
        until(lambda: is_live(port), 60)
        user, system = docker("exec", container, "cat", "/proc/1/stat").rpartition(")")[2].split()[11:13]
        assert (int(user) + int(system)) / os.sysconf("SC_CLK_TCK") < 2
    finally:
        docker("kill", container)


def is_live(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/live", timeout=1).status_code == 200
    except httpx.TransportError:
        return False


def test_a_second_start_says_that_it_is_running(containers: Containers) -> None:
    with pytest.raises(ContainersError, match="running already"):
        containers.up()


def test_a_taken_port_is_named_before_anything_is_built(containers: Containers) -> None:
    with pytest.raises(ContainersError, match=rf"Port {containers.port} is in use"):
        Containers("tinypixo-test-other", containers.port, free_port()).up()
