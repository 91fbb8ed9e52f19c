"""Test which host names the gateway of `make run` answers, without a process."""

from pathlib import Path

import anyio
import httpx
import pytest

from deploy.local.gateway.app import gateway_app
from deploy.local.gateway.hosts import names_in

FOREIGN = [
    "evil.example",
    "evil.example:8000",
    "localhost.evil.example",
    "127.0.0.1.evil.example:8000",
    "x.audio.example",
    "audio.example@evil.example",
    "[evil]",
    "",
]
OURS = [
    "localhost:8000",
    "LocalHost.",
    "127.0.0.1:8000",
    "[::1]:8000",
    "192.0.2.7",
    "audio.example",
    "OTHER.example:443",
]


def answer(page: Path, path: str, host: str) -> httpx.Response:
    """Return what a gateway with two further names answers."""
    (page / "assets").mkdir()
    (page / "index.html").write_text("<!doctype html><title>TinyPixo</title>")
    names = names_in("http://audio.example:9000, https://other.example")
    transport = httpx.ASGITransport(gateway_app({}, page, {}, names))

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.get(f"http://localhost{path}", headers={"Host": host})

    return anyio.run(ask)


@pytest.mark.parametrize("path", ["/", "/api/uploads", "/nothing"])
@pytest.mark.parametrize("host", FOREIGN)
def test_a_host_name_of_another_site_is_refused(tmp_path: Path, host: str, path: str) -> None:
    """A page whose name resolves to this machine is of the same origin as our API."""
    refused = answer(tmp_path, path, host)

    assert (refused.status_code, refused.json()["code"]) == (421, "request_invalid")
    assert refused.headers["content-type"] == "application/problem+json"
    assert "TINYPIXO_ORIGINS" in refused.json()["detail"]


@pytest.mark.parametrize("host", OURS)
def test_names_and_addresses_of_this_machine_are_answered(tmp_path: Path, host: str) -> None:
    assert answer(tmp_path, "/", host).status_code == 200
