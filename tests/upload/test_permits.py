"""Test that every request needs a permit of its address, also one that is refused."""

from typing import Any

import pytest
from litestar.testing import TestClient

from libs.core import address_semaphore
from libs.core.web import concurrency, middleware
from services.upload.app import create_app
from tests.upload.support import create_container

SECRET = "an origin secret of the tests, long enough"
REQUESTS: dict[str, tuple[str, str, dict[str, str]]] = {
    "a listing": ("GET", "/api/uploads", {}),
    "an unknown path": ("GET", "/api/uploads/x/y/z", {}),
    "an unknown method": ("TRACE", "/api/uploads", {}),
    "options": ("OPTIONS", "/api/uploads", {}),
    "no host": ("GET", "/api/uploads", {"Host": "["}),
    "an unknown version of tus": ("HEAD", "/api/uploads/tus/x", {}),
    "options of tus": ("OPTIONS", "/api/uploads/tus", {}),
    "the document of the API": ("GET", "/api/upload/schema", {}),
    "readiness": ("GET", "/health/ready", {}),
    "liveness through a proxy": ("GET", "/health/live", {"X-Forwarded-For": "192.0.2.1"}),
}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> "TestClient[Any]":
    """Return a client of a service that has no permit for anybody."""
    monkeypatch.setattr(concurrency, "AT_ONCE", 0)
    monkeypatch.setattr(address_semaphore, "MAX_WAITING", 0)
    monkeypatch.setattr(middleware, "REFUSAL_DELAY", 0)
    return TestClient(create_app(create_container(secure_cookies=False, origin_secret=SECRET)))


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS.keys())
def test_every_request_needs_a_permit(
    client: "TestClient[Any]", request_: tuple[str, str, dict[str, str]]
) -> None:
    method, path, headers = request_
    answer = client.request(method, path, headers={"X-Origin-Secret": SECRET, **headers})

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-Id"]


def test_a_probe_of_the_process_needs_none(client: "TestClient[Any]") -> None:
    assert client.get("/health/live").status_code == 200


def test_a_request_that_went_round_cloudfront_uses_no_permit(client: "TestClient[Any]") -> None:
    """It names any address as its client's, so it would use up the permits of others."""
    answer = client.get("/api/uploads", headers={"X-Origin-Secret": "x"})

    assert (answer.status_code, answer.headers["Connection"]) == (403, "close")
