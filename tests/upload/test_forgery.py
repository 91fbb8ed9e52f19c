"""Test that the page of another origin changes nothing with a visitor's cookie."""

import json
from collections.abc import Iterator

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from services.upload.app import create_app
from services.upload.container import UploadContainer
from tests.upload.support import BODY, Client, UploadHarness, create, create_container, problem

HOST = "https://tinypixo.test"
BEHIND = "https://page.example.com"
FILE = {"filename": "song.wav", "size": len(BODY)}


@pytest.fixture(scope="module")
def container() -> UploadContainer:
    return create_container(origins=f"{BEHIND}, https://other.example.com")


@pytest.fixture(scope="module")
def app(container: UploadContainer) -> Litestar:
    return create_app(container)


@pytest.fixture
def client(app: Litestar, container: UploadContainer, harness: UploadHarness) -> Iterator[Client]:
    harness.override_adapters(container)
    with TestClient(app, base_url=HOST) as client:
        create(client)
        yield client


FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://tinypixo.test:8443"},
    {"Sec-Fetch-Site": "cross-site", "Origin": HOST},
    {"Origin": "https://evil.example"},
    {"Origin": "https://tinypixo.test:8443"},
    {"Origin": "https://sub.tinypixo.test"},
    {"Origin": "https://tinypixo.test.evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://["},
]
OURS = [
    {},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin", "Origin": HOST},
    {"Origin": HOST},
    {"Origin": f"{HOST}:443"},
    {"Origin": BEHIND},
    {"Origin": "https://other.example.com"},
    {"Origin": "https://public.example", "X-Forwarded-Host": "public.example"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/uploads"),
        ("PUT", "/api/uploads/x/parts/1"),
        ("POST", "/api/uploads/x/complete"),
        ("DELETE", "/api/uploads/x"),
        ("POST", "/api/session"),
        ("DELETE", "/api/session"),
        ("POST", "/api/uploads/s3/multipart"),
        ("GET", "/api/uploads/s3/params?filename=song.wav"),
    ],
)
def test_another_origin_may_change_nothing(
    client: Client, method: str, path: str, headers: dict[str, str]
) -> None:
    problem(client.request(method, path, headers=headers), 403, "forbidden")


def test_a_refused_request_leaves_nothing_behind(client: Client, harness: UploadHarness) -> None:
    before = harness.table.all()

    client.post("/api/uploads", json=FILE, headers={"Origin": "https://evil.example"})

    assert harness.table.all() == before


@pytest.mark.parametrize("headers", OURS, ids=str)
def test_our_own_page_and_clients_that_are_no_browsers_may(
    client: Client, headers: dict[str, str]
) -> None:
    assert client.post("/api/uploads", json=FILE, headers=headers).status_code == 201


@pytest.mark.parametrize("headers", OURS, ids=str)
def test_our_own_page_may_ask_for_a_form(client: Client, headers: dict[str, str]) -> None:
    answer = client.get("/api/uploads/s3/params", params={"filename": "a.wav"}, headers=headers)

    assert answer.status_code == 200


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_a_read_from_another_origin_is_answered(client: Client, headers: dict[str, str]) -> None:
    """A read changes nothing, and a browser keeps the answer from a page of another site."""
    assert client.get("/api/uploads", headers=headers).status_code == 200


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_a_bearer_token_is_enough(client: Client, headers: dict[str, str]) -> None:
    token = client.post("/api/session").json()["token"]
    client.cookies.clear()

    answer = client.post(
        "/api/uploads", json=FILE, headers={"Authorization": f"Bearer {token}", **headers}
    )

    assert answer.status_code == 201


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "text/plain;charset=UTF-8",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
        "text/json",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/api/uploads", "/api/uploads/x/parts/sign", "/api/uploads/x"])
def test_a_body_that_is_not_json_is_refused(client: Client, path: str, media_type: str) -> None:
    method = "DELETE" if path.endswith("/x") else "POST"
    answer = client.request(
        method, path, content=json.dumps(FILE), headers={"Content-Type": media_type}
    )

    found = problem(answer, 415, "media_type_unsupported")
    assert "application/json" in found["detail"]


@pytest.mark.parametrize("media_type", ["application/json", "Application/JSON; charset=utf-8"])
def test_a_body_of_json_is_taken(client: Client, media_type: str) -> None:
    answer = client.post(
        "/api/uploads", content=json.dumps(FILE), headers={"Content-Type": media_type}
    )

    assert answer.status_code == 201


@pytest.mark.parametrize("media_type", [None, "application/octet-stream", "audio/wav"])
def test_a_part_may_have_any_media_type(client: Client, media_type: str | None) -> None:
    upload_id = create(client)["id"]
    headers = {"Content-Type": media_type} if media_type else {}

    answer = client.put(f"/api/uploads/{upload_id}/parts/1", content=BODY, headers=headers)

    assert answer.status_code == 200


def test_a_part_in_a_form_is_refused(client: Client) -> None:
    upload_id = create(client)["id"]

    answer = client.put(f"/api/uploads/{upload_id}/parts/1", files={"file": BODY})

    problem(answer, 415, "media_type_unsupported")


def test_a_request_without_a_body_needs_no_media_type(client: Client) -> None:
    upload_id = create(client)["id"]
    client.put(f"/api/uploads/{upload_id}/parts/1", content=BODY)

    assert client.post(f"/api/uploads/{upload_id}/complete").status_code == 200
