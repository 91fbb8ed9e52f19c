"""Test nginx.conf in the nginx that the gateway's image is made of, with a service behind it."""

import json
import os
import re
import secrets
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
import yaml  # type: ignore[import-untyped]

from deploy.local.containers import COMPOSE_FILE
from deploy.local.network import free_port
from tests.localstack.test_outage import until

pytestmark = pytest.mark.localstack

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = ROOT / "deploy" / "nginx.conf"
ENTRYPOINT = re.search(
    r'ENTRYPOINT \["sh", "-c", "(.*?)"\]', (ROOT / "deploy/page.Dockerfile").read_text(), re.S
)
SERVICE = """
import resource
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
connections = []

class Service(BaseHTTPRequestHandler):
    def answer(self):
        size = len(self.rfile.read(int(self.headers["Content-Length"] or 0)))
        self.send_response(200)
        self.send_header("Cache-Control", "private")
        self.send_header("Content-Security-Policy", "default-src 'none'; sandbox")
        self.end_headers()
        self.wfile.write(f"{self.command} {self.headers['Host']} {size}".encode())
    def name_client(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.headers["X-Forwarded-For"].encode())
    def open_many(self):
        for _ in range(int(self.path.rpartition("/")[2])):
            connections.append(socket.create_connection(("gateway", 8080)))
            connections[-1].sendall(b"G")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{len(connections)} are open".encode())
    do_DELETE = open_many
    do_GET = do_PUT = answer
    do_POST = name_client  # before it reads the body

ThreadingHTTPServer(("", 8000), Service).serve_forever()
"""
PART = bytes(6_000_000)
MEMORY = yaml.safe_load(COMPOSE_FILE.read_text("utf-8"))["services"]["gateway"]["mem_limit"]


def docker(*arguments: str) -> None:
    subprocess.run(["docker", *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of an nginx with our configuration, before a small upload service."""
    with nginx(tmp_path_factory, trusted_proxies="") as url:
        yield url


@pytest.fixture(scope="module")
def inner_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of an nginx that takes what connects for a proxy, and another network."""
    networks = "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16"
    with nginx(tmp_path_factory, trusted_proxies=networks) as url:
        yield url


@pytest.fixture(scope="module")
def named_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of an nginx that knows by which names browsers reach it."""
    with nginx(tmp_path_factory, trusted_proxies="", hosts="localhost 127.0.0.1") as url:
        yield url


@pytest.fixture(scope="module")
def narrow_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of an nginx that takes two requests of an address at once."""
    text, replaced = re.subn(r"(limit_conn addresses) \d+;", r"\1 2;", CONFIGURATION.read_text())
    assert replaced == 1
    narrow = tmp_path_factory.mktemp("narrow") / "nginx.conf"
    narrow.write_text(text)
    with nginx(tmp_path_factory, trusted_proxies="", configuration=narrow) as url:
        yield url


@contextmanager
def nginx(
    tmp_path_factory: pytest.TempPathFactory,
    trusted_proxies: str,
    hosts: str = "",
    configuration: Path = CONFIGURATION,
) -> Iterator[str]:
    """Run an nginx with our configuration before a small upload service, and yield its URL."""
    assert ENTRYPOINT
    name = f"tinypixo-nginx-{secrets.token_hex(3)}"
    page = tmp_path_factory.mktemp("page")
    page.chmod(0o755)
    (page / "index.html").write_text("TinyPixo")
    (page / "assets").mkdir()
    (page / "assets/index-1.js").write_text("// TinyPixo")
    port = free_port()
    run = ("run", "--detach", "--rm", "--network", name)
    start = ENTRYPOINT[1].replace("\\\n", "").replace('\\"', '"')
    docker("network", "create", name)
    try:
        docker(
            *run,
            f"--name={name}-upload",
            "--network-alias=upload",
            "python:3.13-slim",
            "python3",
            "-c",
            SERVICE,
        )
        docker(
            *run,
            f"--name={name}-nginx",
            "--network-alias=gateway",
            f"--memory={MEMORY}",
            "--publish",
            f"127.0.0.1:{port}:8080",
            "--volume",
            f"{configuration}:/etc/nginx/tinypixo.conf:ro",
            "--volume",
            f"{page}:/usr/share/nginx/tinypixo:ro",
            "--user=10001:10001",
            "--env=BUCKET_ORIGIN=http://localhost:4566",
            f"--env=TRUSTED_PROXIES={trusted_proxies}",
            f"--env=HOSTS={hosts}",
            "--entrypoint=sh",
            "nginx:stable",
            "-c",
            start,
        )
        url = f"http://127.0.0.1:{port}"
        until(lambda: answers(url), 60)
        yield url
    finally:
        for container in (f"{name}-nginx", f"{name}-upload"):
            subprocess.run(["docker", "kill", container], check=False, capture_output=True)
        subprocess.run(["docker", "network", "rm", name], check=False, capture_output=True)


def answers(url: str) -> bool:
    command = ["curl", "-s", "-o", "/dev/null", "--fail", f"{url}/api/uploads"]
    return subprocess.run(command, check=False).returncode == 0


def ask(url: str, *arguments: str | Path) -> tuple[str, str]:
    """Return version and status of an answer, and its body."""
    command = ["curl", "-sS", "-w", "\n%{http_version} %{response_code}", *arguments, url]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    body, _, result = ran.stdout.rpartition("\n")
    return result, body


@pytest.mark.parametrize(
    ("speaks", "version"),
    [
        ("--http1.1", "1.1"),
        ("--http2-prior-knowledge", "2"),
        # An upgrade is ignored, as RFC 9113 wants it.
        ("--http2", "1.1"),
    ],
)
def test_nginx_takes_both_versions_of_http_on_one_port(
    gateway: str, tmp_path: Path, speaks: str, version: str
) -> None:
    part = tmp_path / "part"
    part.write_bytes(PART)
    host = gateway.removeprefix("http://")
    uploads = f"{gateway}/api/uploads"

    assert ask(gateway, speaks) == (f"{version} 200", "TinyPixo")
    streamed = ask(f"{uploads}/upl_1/parts/1", speaks, "-T", part)
    assert streamed == (f"{version} 200", f"PUT {host} {len(PART)}")
    assert ask(uploads, speaks) == (f"{version} 200", f"GET {host} 0")
    assert ask(f"{gateway}/%00", speaks)[0] == f"{version} 400"


def test_connections_without_a_request_leave_room_for_others(gateway: str) -> None:
    """A worker had 4,096 connections, and those whose headers are not complete count nowhere."""
    many = 5000 * (os.cpu_count() or 1)

    assert httpx.delete(f"{gateway}/api/uploads/{many}", timeout=60).text == f"{many} are open"
    assert ask(gateway)[0] == "1.1 200"


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/", "no-cache"),
        ("/assets/index-1.js", "public, max-age=31536000, immutable"),
        ("/assets/missing.js", "no-store"),
        ("/api/uploads", "private"),
        ("/api/conversions", "no-store"),
    ],
)
def test_only_what_exists_may_be_kept(gateway: str, path: str, kept: str) -> None:
    """There is no conversion service here, so nginx itself answers for it."""
    assert httpx.get(f"{gateway}{path}").headers.get_list("cache-control") == [kept]


def test_a_service_keeps_its_policy(gateway: str) -> None:
    """It allows nothing; that of the page allows the page's own scripts."""
    of_service, of_nginx, of_page = (
        httpx.get(gateway + path).headers.get_list("Content-Security-Policy")
        for path in ("/api/uploads", "/api/conversions", "/")
    )

    assert of_service == ["default-src 'none'; sandbox"]
    assert of_nginx == of_page
    assert len(of_page) == 1
    assert "script-src 'self'" in of_page[0]


def test_what_nginx_does_not_implement_is_a_malformed_request(gateway: str) -> None:
    host, port = gateway.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n")
        head, _, body = client.makefile("rb").read().partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["status"] == 400


def test_a_client_cannot_choose_its_address(gateway: str) -> None:
    chosen = ("-X", "POST", "-H", "X-Forwarded-For: 203.0.113.7")

    assert "203.0.113.7" not in ask(f"{gateway}/api/uploads", *chosen)[1]


def test_behind_trusted_proxies_the_client_is_the_last_address_that_is_none(
    inner_gateway: str,
) -> None:
    """Otherwise all visitors would have the proxy's address, and share its quotas."""
    chosen = ("-X", "POST", "-H", "X-Forwarded-For: 198.51.100.9, 203.0.113.7, 10.1.2.3")

    assert ask(f"{inner_gateway}/api/uploads", *chosen)[1] == "203.0.113.7"


@pytest.mark.parametrize("path", ["/", "/api/uploads", "/nothing.js"])
def test_a_host_name_of_another_site_is_refused(named_gateway: str, path: str) -> None:
    """A page whose name resolves to this machine is of the same origin as our API."""
    status, body = ask(named_gateway + path, "-H", "Host: evil.example")

    assert status.endswith(" 421")
    assert json.loads(body)["code"] == "request_invalid"
    assert ask(f"{named_gateway}/api/uploads", "-H", "Host: LOCALHOST:1")[0].endswith(" 200")


@pytest.mark.parametrize("path", ["/api/uploads", "/api/uploads/s3/multipart/x/complete"])
def test_bodies_reach_the_service_before_they_end(gateway: str, path: str) -> None:
    """nginx would keep them in its memory, and a client that never ends them could fill it."""
    host, port = gateway.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n".encode())
        client.sendall(bytes(30_000))

        assert client.recv(1000).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("path", ["/", "/api/uploads"])
def test_an_address_has_so_many_requests_at_once(narrow_gateway: str, path: str) -> None:
    host, port = narrow_gateway.removeprefix("http://").split(":")
    put = b"PUT /api/uploads/upl_1/parts/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"

    def status() -> str:
        return ask(narrow_gateway + path)[0].split()[-1]

    with ExitStack() as connections:
        for _ in range(2):
            connection = socket.create_connection((host, int(port)), timeout=20)
            connections.enter_context(connection).sendall(put)
        until(lambda: status() == "429", 20)
        answer = httpx.get(narrow_gateway + path)

        assert (answer.json()["code"], answer.headers["Retry-After"]) == ("rate_limited", "1")
        assert answer.headers["Content-Type"] == "application/problem+json"
    until(lambda: status() == "200", 20)
