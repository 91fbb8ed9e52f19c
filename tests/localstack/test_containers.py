"""Test `make run-localstack`: the service images on LocalStack, behind nginx."""

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

from deploy.errors import DeployError
from deploy.local.containers import Containers
from deploy.local.network import free_port
from tests.audio import decoded_seconds
from tests.localstack.test_outage import until
from tests.system.client import Client, ok, problem
from tests.system.test_trace import check_trace

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
    return subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, check=True
    ).stdout.strip()


def inspected(container: str) -> Any:
    return json.loads(docker("inspect", container))[0]


def test_upload_and_conversion_work_through_nginx(client: Client, wav: bytes, saved: Path) -> None:
    upload = client.upload(wav, "Grüße.wav", {"format": "mp3", "bitrate": "128k"})

    progress = client.follow(upload["conversions"][0])

    assert progress[-1]["status"] == "completed"
    saved.write_bytes(client.download(upload["conversions"][0]))
    assert decoded_seconds(saved) == pytest.approx(65, abs=0.05)


def test_trace_is_printed_from_the_logs_of_the_containers(
    client: Client, containers: Containers, short: bytes
) -> None:
    check_trace(client, short, "--project", containers.project)


def test_presigned_urls_use_the_published_s3_port(
    client: Client, containers: Containers, short: bytes
) -> None:
    upload = client.create(short, "short.wav")

    signed = ok(
        client.http.post(f"/api/uploads/{upload['id']}/parts/sign", json={"part_numbers": [1]})
    )["parts"][0]

    assert signed["url"].startswith(f"http://localhost:{containers.s3_port}/")


def test_nginx_does_not_buffer_events(client: Client, short: bytes) -> None:
    upload = client.create(short, "short.wav")
    stream = client.events("/api/progress/events")
    assert next(stream)[1]["percent"] == 0

    client.send(upload, short)

    assert next(data for _, data, _ in stream if data["percent"] == 100)["id"] == upload["id"]


def test_csp_allows_only_the_page_origin_and_the_bucket(
    client: Client, containers: Containers
) -> None:
    answer = client.http.get("/")

    assert "TinyPixo" in answer.text
    policy = answer.headers["content-security-policy"]
    assert f"connect-src 'self' http://localhost:{containers.s3_port};" in policy
    assert "default-src 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-cache"


def test_assets_are_compressed_and_cached_as_immutable(client: Client) -> None:
    found = re.search(r'src="(/assets/[^"]+\.js)"', client.http.get("/").text)
    assert found

    answer = client.http.get(found[1])

    assert answer.status_code == 200
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]


def test_too_large_body_is_refused_with_a_problem_document(client: Client) -> None:
    problem(client.http.post("/api/uploads", content=b"x" * 70_000), 413, "body_too_large")


def test_answers_of_nginx_itself_are_problem_documents(client: Client) -> None:
    headers = {"X-Request-Id": "my-request-1"}
    answers = [
        (client.http.get("/%00", headers=headers), 400, "request_invalid"),
        (client.http.get("/" + "a" * 300, headers=headers), 404, "not_found"),
        (client.http.post("/", headers=headers), 405, "method_not_allowed"),
    ]
    for answer, status, code in answers:
        problem(answer, status, code)
        # nginx does not read the headers after an invalid request line.
        assert answer.headers["x-request-id"] == "my-request-1" or status == 400
        assert len(answer.headers["x-request-id"]) >= 8
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_headers_of_a_service_are_not_sent_twice(client: Client) -> None:
    answer = client.http.get("/api/formats")

    for name in ("x-request-id", "content-security-policy", "x-content-type-options"):
        assert len(answer.headers.get_list(name)) == 1


@pytest.mark.parametrize("path", ["/sweep", "/api/janitor/schema", "/nothing", "/api/nothing"])
def test_internal_paths_are_not_found_through_nginx(client: Client, path: str) -> None:
    assert client.http.post(path).status_code in (404, 405)
    problem(client.http.get(path), 404, "not_found")


def test_restarting_service_is_unavailable_and_recovers(
    client: Client, containers: Containers
) -> None:
    container = containers.container("upload")
    docker("stop", "--time", "30", container)
    assert inspected(container)["State"]["ExitCode"] == 0
    problem(client.http.get("/api/uploads"), 503, "storage_unavailable")

    docker("start", container)

    until(lambda: client.http.get("/api/uploads").status_code == 200)


@pytest.mark.parametrize("service", OURS)
def test_container_is_unprivileged_and_read_only(containers: Containers, service: str) -> None:
    found = inspected(containers.container(service))

    assert found["Config"]["User"] == "10001:10001"
    host = found["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["Memory"] > 0


def test_strongest_sandbox_is_available_in_the_container(containers: Containers) -> None:
    code = (
        "from services.conversion.sandbox.process import best_sandbox_level as best; print(best())"
    )

    assert docker("exec", containers.container("conversion"), "python", "-c", code) == "supervised"


def test_callers_aws_credentials_do_not_reach_a_container(containers: Containers) -> None:
    for service in [*SERVICES, "relay"]:
        environment = inspected(containers.container(service))["Config"]["Env"]
        keys = {
            line
            for line in environment
            if line.startswith(("AWS_ACCESS", "AWS_SECRET", "AWS_SESSION", "AWS_PROFILE"))
        }
        assert keys == {"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test"}


@pytest.mark.parametrize("service", SERVICES)
def test_service_image_answers_within_two_seconds_of_cpu_time(
    containers: Containers, service: str
) -> None:
    """CPU time does not depend on the load of the machine, as elapsed time does."""
    port = free_port()
    environment = [
        f"--env={line}" for line in inspected(containers.container(service))["Config"]["Env"]
    ]
    container = docker(
        "run",
        "--detach",
        "--rm",
        "--read-only",
        f"--publish=127.0.0.1:{port}:8000",
        *environment,
        f"tinypixo/{service}",
    )
    try:
        until(lambda: is_live(port), 60)
        user, system = (
            docker("exec", container, "cat", "/proc/1/stat").rpartition(")")[2].split()[11:13]
        )
        assert (int(user) + int(system)) / os.sysconf("SC_CLK_TCK") < 2
    finally:
        docker("kill", container)


def is_live(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/live", timeout=1).status_code == 200
    except httpx.TransportError:
        return False


def test_second_start_reports_that_it_is_running(containers: Containers) -> None:
    with pytest.raises(DeployError, match="running already"):
        containers.up()


def test_port_in_use_is_reported_before_images_are_built(containers: Containers) -> None:
    with pytest.raises(DeployError, match=rf"Port {containers.port} is in use"):
        Containers("tinypixo-test-other", containers.port, free_port()).up()
