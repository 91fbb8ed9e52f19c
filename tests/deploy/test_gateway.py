"""Test the gateway of `make run` over HTTP, with a fake service behind it."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from deploy.local.gateway.protocol import protocol_with
from deploy.local.network import free_port, wait_until_responding
from deploy.local.processes import ROOT
from libs.core.web.server_protocol import ServiceProtocol
from tests.deploy.gateway_support import POLICY, FakeService, RunningGateway
from tests.fault_injection import eventually

BUCKET_ORIGIN = "http://localhost:4566"


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeService)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def gateway(service: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """Run a gateway whose conversion service does not answer."""
    folder = tmp_path_factory.mktemp("gateway")
    for name in ("icons", "assets"):
        (folder / "page" / name).mkdir(parents=True)
    for name in ("sw.js", "manifest.webmanifest", "icons/192.png", "assets/app.js"):
        (folder / "page" / name).write_text("{}")
    (folder / "page" / "index.html").write_text("<!doctype html><title>TinyPixo</title>")
    unused = f"http://127.0.0.1:{free_port()}"
    running = RunningGateway(free_port(), folder / "gateway.log")
    environment = {
        "PATH": os.environ["PATH"],
        "GATEWAY_ROUTES": json.dumps(
            {"upload": service, "progress": service, "conversion": unused}
        ),
        "GATEWAY_PAGE": str(folder / "page"),
        "GATEWAY_BUCKET_ORIGIN": BUCKET_ORIGIN,
        "TINYPIXO_ORIGINS": "https://audio.example",
        "HOST": "127.0.0.1",
        "PORT": str(running.port),
    }
    command = [sys.executable, "-m", "deploy.local.gateway"]
    with (
        running.log.open("wb") as log,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log) as process,
    ):
        assert wait_until_responding(running.url, 20), running.log.read_text()
        yield running
        process.terminate()


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert (document["status"], document["code"]) == (status, code)
    assert {"type", "title", "detail"} <= document.keys()
    return document


def test_the_hosts_of_the_origins_are_answered_and_no_others(gateway: RunningGateway) -> None:
    statuses = {
        host: httpx.get(gateway.url, headers={"Host": host}).status_code
        for host in (f"localhost:{gateway.port}", "audio.example", "evil.example")
    }

    assert list(statuses.values()) == [200, 200, 421]


NOT_FOUND = [
    "/%00",
    "/a%00b.js",
    "/" + "a" * 300,
    "/%ff%fe",
    "/..%2f..%2fsecrets.json",
    "/nothing",
    "/index.html/below-a-file",
    "/assets/app.js/below-a-file",
    pytest.param("/" + "a/" * 2100, id="/a/a/… of 4,200 characters"),
]


@pytest.mark.parametrize("path", NOT_FOUND)
def test_path_without_a_file_is_answered_404_at_once(gateway: RunningGateway, path: str) -> None:
    logged = gateway.log.stat().st_size
    with httpx.Client() as client:
        began = time.monotonic()
        answer = client.get(gateway.url + path)
        took = time.monotonic() - began

    assert took < 0.5
    problem(answer, 404, "not_found")
    assert b"Traceback" not in gateway.log.read_bytes()[logged:]


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/sw.js", "javascript"),
        ("/manifest.webmanifest", "application/manifest+json"),
        ("/icons/192.png", "image/png"),
    ],
)
def test_files_of_an_installed_page_are_revalidated(
    gateway: RunningGateway, path: str, media_type: str
) -> None:
    answer = httpx.get(gateway.url + path)

    assert media_type in answer.headers["content-type"]
    assert answer.headers["cache-control"] == "no-cache"
    assert "manifest-src 'self'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path", ["/", "/index.html", "/nothing", "/api/uploads", "/api/conversions", "/%00"]
)
def test_every_answer_has_an_id_and_security_headers(gateway: RunningGateway, path: str) -> None:
    answer = httpx.get(gateway.url + path)

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert len(answer.headers["x-request-id"]) >= 8
    for name in ("x-request-id", "x-content-type-options", "content-security-policy"):
        assert len(answer.headers.get_list(name)) == 1


def test_page_may_connect_to_its_origin_and_the_bucket(gateway: RunningGateway) -> None:
    policy = httpx.get(gateway.url).headers["content-security-policy"]

    assert f"connect-src 'self' {BUCKET_ORIGIN};" in policy


def test_a_service_keeps_its_policy(gateway: RunningGateway) -> None:
    """It allows nothing; that of the page allows the page's own scripts."""
    assert httpx.get(f"{gateway.url}/api/uploads").headers["content-security-policy"] == POLICY


def test_request_id_is_passed_to_the_service(gateway: RunningGateway) -> None:
    own = {"X-Request-Id": "my-request-1"}

    given = httpx.get(f"{gateway.url}/api/uploads", headers=own)
    made = httpx.get(f"{gateway.url}/api/uploads", headers={"X-Request-Id": "not valid!"})

    assert given.headers["x-request-id"] == "my-request-1"
    assert given.json()["headers"]["x-request-id"] == "my-request-1"
    assert made.headers["x-request-id"] == made.json()["headers"]["x-request-id"] != "not valid!"


def test_service_that_does_not_answer_is_reported_as_503(gateway: RunningGateway) -> None:
    answer = httpx.get(f"{gateway.url}/api/conversions")

    problem(answer, 503, "storage_unavailable")
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("begin", [b"", b"x", b"x" * 3_000_000])
def test_an_answer_is_passed_on_while_the_body_is_still_coming(
    gateway: RunningGateway, begin: bytes
) -> None:
    head = (
        b"POST /api/uploads/refused HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Length: 100000000\r\n\r\n"
    )
    began = time.monotonic()

    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
        connection.sendall(head)
        with contextlib.suppress(ConnectionError):  # it may be closed before it has taken all
            connection.sendall(begin)
        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 413")
    assert b"cache-control: no-store" in answer.lower()
    assert time.monotonic() - began < 8


def test_a_client_that_waits_for_100_continue_sends_its_body(gateway: RunningGateway) -> None:
    head = (
        b"PUT /api/uploads/echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Expect: 100-continue\r\nContent-Length: 6000000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
        connection.sendall(head)
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"x" * 6_000_000)
        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 200")


def test_method_that_the_page_does_not_have_is_refused(gateway: RunningGateway) -> None:
    problem(httpx.post(gateway.url), 405, "method_not_allowed")


AMBIGUOUS = (
    b"POST /api/uploads HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
)
INVALID = [
    b"GET  HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
]


@pytest.mark.parametrize("request_bytes", [AMBIGUOUS, *INVALID], ids=range(4))
def test_invalid_request_is_answered_400(gateway: RunningGateway, request_bytes: bytes) -> None:
    answer = gateway.send(request_bytes)

    problem(answer, 400, "request_invalid")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["connection"] == "close"
    assert answer.headers["x-request-id"]


def test_thousands_of_headers_are_refused(gateway: RunningGateway) -> None:
    """Forwarding them kept the gateway busy for a third of a second each time."""
    many = b"".join(b"X-%d: a\r\n" % number for number in range(1000))

    answer = gateway.send(
        b"GET /api/uploads HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + many + b"\r\n"
    )

    problem(answer, 431, "request_invalid")


def test_headers_have_as_much_time_as_at_the_services() -> None:
    assert issubclass(protocol_with({}), ServiceProtocol)


@pytest.mark.parametrize("target", [b"/api/uploads/\xff", b"/api/uploads/\x7f", b"/\xc3\xbc"])
def test_target_with_other_bytes_than_ascii_is_refused(
    gateway: RunningGateway, target: bytes
) -> None:
    request = b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

    answer = gateway.send(request)

    problem(answer, 400, "request_invalid")


def test_requests_are_logged_as_json_without_their_query(gateway: RunningGateway) -> None:
    httpx.get(f"{gateway.url}/api/uploads?token=hidden", headers={"X-Request-Id": "logged-1"})

    # The line is written after the response.
    eventually(lambda: "logged-1" in gateway.log.read_text())
    lines = [json.loads(line) for line in gateway.log.read_text().splitlines()]
    [found] = [line for line in lines if line.get("request_id") == "logged-1"]
    assert (found["event"], found["path"], found["status"]) == ("request", "/api/uploads", 200)
    assert "hidden" not in gateway.log.read_text()


def test_other_requests_are_answered_while_bad_ones_arrive(gateway: RunningGateway) -> None:
    stop = threading.Event()

    def attack() -> None:
        with httpx.Client(base_url=gateway.url) as attacker:
            while not stop.is_set():
                attacker.get("/%00")

    thread = threading.Thread(target=attack)
    thread.start()
    with httpx.Client(base_url=gateway.url) as client:
        began = time.monotonic()
        answers = [client.get("/api/uploads").status_code for _ in range(20)]
        took = time.monotonic() - began
    stop.set()
    thread.join()

    assert answers == [200] * 20
    assert took < 5
