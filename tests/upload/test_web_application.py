"""Test what all services have, on this one: sessions, request ids, health, OpenAPI."""

import re
from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any

import pytest
from dependency_injector import providers
from litestar import Litestar
from litestar.testing import TestClient

from services.upload.app import create_app
from services.upload.container import UploadContainer
from tests.fault_injection import UNREACHABLE
from tests.upload.support import UploadHarness, create_container

Client = TestClient[Any]


@pytest.fixture(scope="module")
def container() -> UploadContainer:
    container = create_container()
    container.checks.override(providers.Object({"S3": lambda: None, "DynamoDB": lambda: None}))
    return container


@pytest.fixture(scope="module")
def app(container: UploadContainer) -> Litestar:
    return create_app(container)


@pytest.fixture
def client(app: Litestar, container: UploadContainer, harness: UploadHarness) -> Iterator[Client]:
    harness.override_adapters(container)
    with TestClient(app, base_url="https://tinypixo.test") as client:
        yield client


def test_the_session_cookie_is_http_only_secure_and_lax(client: Client) -> None:
    cookie = SimpleCookie(client.get("/api/uploads").headers["set-cookie"])
    (morsel,) = cookie.values()

    assert morsel["httponly"] is True
    assert morsel["secure"] is True
    assert morsel["samesite"].lower() == "lax"
    assert morsel["path"] == "/"


def test_a_session_lasts_over_requests(client: Client) -> None:
    made = client.post("/api/uploads", json={"filename": "a.wav", "size": 1}).json()

    assert [item["id"] for item in client.get("/api/uploads").json()["items"]] == [made["id"]]
    client.cookies.clear()
    assert client.get("/api/uploads").json()["items"] == []


def test_a_bearer_token_is_a_session_without_a_cookie(client: Client) -> None:
    given = client.post("/api/session")
    assert (given.status_code, "set-cookie" in given.headers) == (201, False)
    token = {"Authorization": f"Bearer {given.json()['token']}"}

    made = client.post("/api/uploads", json={"filename": "a.wav", "size": 1}, headers=token)
    listed = client.get("/api/uploads", headers=token)

    assert [item["id"] for item in listed.json()["items"]] == [made.json()["id"]]
    assert "set-cookie" not in made.headers
    assert client.get(f"/api/uploads/{made.json()['id']}").status_code == 404


@pytest.mark.parametrize("token", ["", "x", "Zm9yZ2Vk", "a" * 5000])
def test_an_invalid_bearer_token_is_refused(client: Client, token: str) -> None:
    answer = client.get("/api/uploads", headers={"Authorization": f"Bearer {token}"})

    assert (answer.status_code, answer.json()["code"]) == (401, "session_invalid")


def test_a_forged_cookie_begins_a_new_session(client: Client) -> None:
    client.post("/api/uploads", json={"filename": "a.wav", "size": 1})
    (name,) = client.cookies
    client.cookies.clear()

    assert client.get("/api/uploads", headers={"Cookie": f"{name}=tampered"}).json()["items"] == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [("a-request.id_1", True), ("short", False), ("x" * 65, False), ("line\tbreak ü", False)],
)
def test_a_valid_request_id_is_echoed(client: Client, given: str, kept: bool) -> None:
    echoed = client.get("/health/live", headers={b"X-Request-Id": given.encode()}).headers[
        "x-request-id"
    ]

    assert (echoed == given) is kept
    assert re.fullmatch(r"[A-Za-z0-9._-]{8,64}", echoed)


def test_every_response_has_a_request_id(client: Client) -> None:
    paths = ("/health/live", "/health/ready", "/api/uploads", "/api/uploads/x", "/no/such/path")

    ids = {client.get(path).headers["x-request-id"] for path in paths}

    assert len(ids) == len(paths)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nowhere", 404, "not_found"), ("PATCH", "/api/uploads", 405, "method_not_allowed")],
)
def test_an_unknown_path_or_method_is_a_problem_document(
    client: Client, method: str, path: str, status: int, code: str
) -> None:
    answer = client.request(method, path)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/uploads", {"GET", "POST", "OPTIONS"}),
        ("/api/uploads/x", {"GET", "DELETE", "OPTIONS"}),
        ("/api/uploads/x/parts/1", {"PUT", "POST", "OPTIONS"}),
        ("/api/session", {"POST", "DELETE", "OPTIONS"}),
    ],
)
def test_allow_lists_every_method_of_the_path(client: Client, path: str, allowed: set[str]) -> None:
    options, refused = client.options(path), client.patch(path)

    assert (options.status_code, refused.status_code) == (204, 405)
    assert set(options.headers["allow"].split(", ")) == allowed
    assert set(refused.headers["allow"].split(", ")) == allowed


def test_live_sets_no_cookie_and_ready_lists_the_checks(client: Client) -> None:
    live, ready = client.get("/health/live"), client.get("/health/ready")

    assert (live.status_code, ready.status_code) == (200, 200)
    assert "set-cookie" not in live.headers
    assert ready.json()["checked"] == ["S3", "DynamoDB"]


def test_ready_names_what_cannot_be_reached() -> None:
    def away() -> None:
        raise UNREACHABLE

    container = create_container()
    container.checks.override(providers.Object({"S3": lambda: None, "DynamoDB": away}))
    with TestClient(create_app(container)) as client:
        assert client.get("/health/live").status_code == 200
        answer = client.get("/health/ready")

    assert answer.status_code == 503
    assert "DynamoDB" in answer.json()["detail"]
    assert answer.json()["unreachable"].keys() == {"DynamoDB"}
    assert int(answer.headers["retry-after"]) > 0


def test_the_openapi_document_has_every_route(client: Client) -> None:
    document = client.get("/api/upload/schema/openapi.json").json()

    calls = {
        (method.upper(), path) for path, found in document["paths"].items() for method in found
    }
    assert calls >= {
        ("POST", "/api/uploads"),
        ("GET", "/api/uploads"),
        ("GET", "/api/uploads/{upload_id}"),
        ("DELETE", "/api/uploads/{upload_id}"),
        ("POST", "/api/uploads/{upload_id}/parts/sign"),
        ("PUT", "/api/uploads/{upload_id}/parts/{number}"),
        ("POST", "/api/uploads/{upload_id}/parts/{number}"),
        ("POST", "/api/uploads/{upload_id}/complete"),
        ("POST", "/api/session"),
    }
    assert client.get("/api/upload/schema").status_code == 200
