"""Test the headers that every response has, whatever it answers."""

import json
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from libs.core.web import request as request_module
from libs.core.web.request import MAX_VALUES
from services.upload.schemas import MAX_REPORT, MAX_SIGN
from tests.fault_injection import fail_calls
from tests.upload.support import Client, UploadHarness, create

UPLOAD_ID = "upl_" + "A" * 22


def has_common_headers(answer: Any) -> bool:
    """Check the common headers of a response, and return True."""
    headers = answer.headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none';")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["x-request-id"]
    if answer.status_code >= 400:
        assert headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
    return True


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/uploads", 200),
        ("GET", "/health/live", 200),
        ("GET", "/api/upload/schema", 200),
        ("GET", "/api/upload/schema/openapi.json", 200),
        ("OPTIONS", "/api/uploads", 204),
        ("POST", "/api/session", 201),
        ("DELETE", "/api/session", 204),
        ("GET", f"/api/uploads/{UPLOAD_ID}", 404),
        ("GET", "/no/such/path", 404),
        ("PUT", "/api/uploads/x/parts/one", 404),
        ("PATCH", "/api/uploads", 405),
        ("OPTIONS", "/api/uploads/tus", 204),
        ("POST", "/api/uploads/tus", 412),
    ],
)
def test_every_response_has_the_common_headers(
    client: Client, method: str, path: str, status: int
) -> None:
    answer = client.request(method, path)

    assert answer.status_code == status
    assert has_common_headers(answer)


@pytest.mark.parametrize("host", ["x:y", "x:99999999", "[", "[::1", "x]"])
@pytest.mark.parametrize("body", ["{}", "{", '{"filename": "song.wav", "size": 1}'])
def test_an_invalid_host_header_is_refused(client: Client, host: str, body: str) -> None:
    """Litestar reads it for the messages of its own errors, and those became errors of ours."""
    headers = {"Host": host, "Content-Type": "application/json"}

    answer = client.post("/api/uploads", content=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "request_invalid")
    assert has_common_headers(answer)


def test_a_refused_body_has_the_common_headers(client: Client) -> None:
    as_json = {"Content-Type": "application/json"}

    large = client.post("/api/uploads", content=b"x" * 70_000, headers=as_json)
    unreadable = client.post("/api/uploads", content=b"{", headers=as_json)
    plain = client.post("/api/uploads", content=b"{}", headers={"Content-Type": "text/plain"})

    assert [a.status_code for a in (large, unreadable, plain)] == [413, 400, 415]
    assert all(map(has_common_headers, (large, unreadable, plain)))


def test_a_fault_of_ours_has_the_common_headers(
    app: Litestar, client: Client, harness: UploadHarness
) -> None:
    fail_calls(harness.uploads, "get", error=ZeroDivisionError("secret"))
    answer = TestClient(app, raise_server_exceptions=False).get(f"/api/uploads/{UPLOAD_ID}")

    assert answer.status_code == 500
    assert has_common_headers(answer)


def test_a_fault_outside_the_application_is_a_problem_too(
    app: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("libs.core.web.session.SessionMiddleware._load", broken)
    monkeypatch.setattr(app.asgi_router, "handle_routing", broken)
    answer = TestClient(app, raise_server_exceptions=False).get("/api/uploads")

    assert (answer.status_code, "secret" in answer.text) == (500, False)
    assert has_common_headers(answer)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000 + b"]" * 1_000,
        b"[" * 30_000 + b"]" * 30_000,
        b'{"a":' * 9_000 + b"1" + b"}" * 9_000,
        b"[" * 60_000,
        json.dumps({"filename": "a", "size": 1, "convert": [[[[[]]]]]}).encode(),
        b'{"filename": "\\ud800", "size": 1}',
        b'{"filename": "\xff", "size": 1}',
        b'{"filename": "a", "size": 1e400}',
        b'{"filename": "a", "size": 123456789012345678901234567890}',
        b"\xff\xfe{}",
        b"null",
        b"[]",
    ],
    ids=lambda body: repr(body[:30]),
)
def test_json_of_the_wrong_shape_is_refused_and_stores_nothing(
    client: Client, harness: UploadHarness, body: bytes
) -> None:
    answer = client.post("/api/uploads", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code in (400, 413, 422), answer.text
    assert has_common_headers(answer)
    assert not harness.table.all()


@pytest.mark.parametrize("value", ["[]", "{}", "1.0"])
def test_a_body_of_too_many_values_is_not_parsed(
    client: Client, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """Some requests a second with thousands of lists kept all others waiting for seconds."""
    monkeypatch.setattr(request_module, "convert_strictly", None)  # calling it would answer 500
    body = f"[{','.join([value] * (MAX_VALUES + 1))}]"

    answer = client.post("/api/uploads", content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (400, "request_invalid")
    assert answer.json()["detail"] == "The JSON of this request has too many values."


def test_our_longest_requests_have_fewer_values(client: Client) -> None:
    upload_id = create(client)["id"]
    numbers = {"part_numbers": [1] * MAX_REPORT}
    checksums = {str(number): "," for number in range(MAX_SIGN)}

    reported = client.post(f"/api/uploads/{upload_id}/parts", json=numbers)
    signed = client.post(
        f"/api/uploads/{upload_id}/parts/sign",
        json={"part_numbers": [1] * MAX_SIGN, "checksums": checksums},
    )

    assert [answer.json()["code"] for answer in (reported, signed)] == [
        "part_size_mismatch",
        "checksum_mismatch",
    ]


def test_a_response_may_be_cached_by_nobody(client: Client) -> None:
    upload_id = create(client)["id"]

    assert client.get(f"/api/uploads/{upload_id}").headers["cache-control"] == "no-store"
