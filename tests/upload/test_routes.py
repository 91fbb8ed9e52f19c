"""Test uploads over HTTP against docs/api.md: status codes, problem documents, headers."""

from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from libs.core.domain.uploads import MIB, Failure
from tests.fault_injection import fail_calls
from tests.upload.support import Client, UploadHarness, create, problem

Json = dict[str, Any]

UNKNOWN = "/api/uploads/upl_" + "A" * 22


def test_a_new_upload_has_a_location(client: Client) -> None:
    answer = client.post(
        "/api/uploads", json={"filename": "song.wav", "size": 12, "content_type": "audio/wav"}
    )

    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["location"] == f"/api/uploads/{made['id']}"
    assert client.get(answer.headers["location"]).json() == made
    times = {name: made.pop(name) for name in ("created_at", "updated_at", "expires_at")}
    assert all(time.endswith("Z") for time in times.values())
    del made["id"]
    assert made == {
        "status": "uploading",
        "filename": "song.wav",
        "size": 12,
        "content_type": "audio/wav",
        "part_size": 5 * MIB,
        "part_count": 1,
        "completed_parts": [],
        "uploaded_bytes": 0,
        "percent": 0.0,
        "conversions": [],
        "version": 1,
    }


@pytest.mark.parametrize(
    ("convert", "count"), [({"format": "mp3"}, 1), ([{"format": "mp3"}] * 8, 8), ([], 0), (None, 0)]
)
def test_an_upload_may_request_conversions(client: Client, convert: object, count: int) -> None:
    assert len(create(client, convert=convert)["conversions"]) == count


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"filename": "a.wav", "size": 12, "surprise": 1}, 422, "validation_failed"),
        ({"filename": "a.wav"}, 422, "validation_failed"),
        ({"filename": "a.wav", "size": "twelve"}, 422, "validation_failed"),
        ({"filename": "a.wav", "size": 1.5}, 422, "validation_failed"),
        ({"filename": "a.wav", "size": 12, "content_type": "a\r\nb"}, 422, "validation_failed"),
        (
            {"filename": "a.wav", "size": 12, "convert": [{"format": "mp3"}] * 9},
            422,
            "validation_failed",
        ),
        (
            {"filename": "a.wav", "size": 12, "convert": {"format": "mp3", "upload_id": "x"}},
            422,
            "validation_failed",
        ),
        (
            {"filename": "a.wav", "size": 12, "convert": {"format": "exe"}},
            422,
            "format_unsupported",
        ),
        (
            {"filename": "a.wav", "size": 12, "convert": {"format": "mp3", "bit_depth": 16}},
            422,
            "option_invalid",
        ),
        ({"filename": "a.wav", "size": 0}, 422, "file_empty"),
        ({"filename": "a.wav", "size": -1}, 422, "file_empty"),
        ({"filename": "a.wav", "size": 5 * 1024**3 + 1}, 413, "file_too_large"),
        ({"filename": "", "size": 12}, 422, "filename_invalid"),
    ],
)
def test_an_invalid_upload_is_refused_with_its_code(
    client: Client, harness: UploadHarness, body: Json, status: int, code: str
) -> None:
    found = problem(client.post("/api/uploads", json=body), status, code)

    if code == "validation_failed":
        assert all(error.keys() == {"field", "message"} for error in found["errors"])
    assert not harness.table.all()


def test_a_body_over_the_limit_is_refused(client: Client) -> None:
    answer = client.post(
        "/api/uploads",
        content=b'{"filename": "' + b"x" * 70_000 + b'"}',
        headers={"Content-Type": "application/json"},
    )

    problem(answer, 413, "body_too_large")


def test_a_failed_upload_has_the_reason(client: Client, harness: UploadHarness) -> None:
    upload_id = create(client)["id"]
    harness.uploads.mark_failed(upload_id, Failure("upload_expired", "Gone."))

    assert client.get(f"/api/uploads/{upload_id}").json()["error"] == {
        "code": "upload_expired",
        "detail": "Gone.",
    }


def test_a_second_deletion_is_not_found(client: Client) -> None:
    upload_id = create(client)["id"]

    answer = client.delete(f"/api/uploads/{upload_id}")

    assert (answer.status_code, answer.content) == (204, b"")
    problem(client.delete(f"/api/uploads/{upload_id}"), 404, "upload_not_found")


def test_the_listing_is_paged_newest_first(client: Client, harness: UploadHarness) -> None:
    made = []
    for _ in range(5):
        made.append(create(client)["id"])
        harness.clock.advance(1)
    first = client.get("/api/uploads?limit=3").json()
    second = client.get(f"/api/uploads?limit=3&next={first['next']}").json()

    assert sorted(item["id"] for page in (first, second) for item in page["items"]) == sorted(made)
    assert (len(first["items"]), second["next"]) == (3, None)
    assert set(first["limits"]) == {"max_file_size", "lifetime"}
    problem(client.get("/api/uploads?next=nonsense"), 422, "cursor_invalid")
    problem(client.get("/api/uploads?limit=101"), 422, "validation_failed")


def test_an_unavailable_store_is_answered_with_retry_after(
    client: Client, harness: UploadHarness
) -> None:
    fail_calls(harness.uploads, "get")

    answer = client.get(UNKNOWN)

    problem(answer, 503, "storage_unavailable")
    assert answer.headers["retry-after"] == "2"


def test_an_unexpected_error_reveals_no_details(
    app: Litestar, client: Client, harness: UploadHarness
) -> None:
    fail_calls(harness.uploads, "get", error=ZeroDivisionError("secret"))
    answer = TestClient(app, raise_server_exceptions=False).get(UNKNOWN)

    assert "secret" not in problem(answer, 500, "internal")["detail"]
