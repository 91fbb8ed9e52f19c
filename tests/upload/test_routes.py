"""Uploads over HTTP: status codes, problem documents and headers, as API.md has them."""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from libs.core.domain.uploads import MIB, Failure
from services.upload.app import create_app
from services.upload.container import UploadContainer
from tests.fault_injection import fail_calls
from tests.upload.support import BODY, Desk, a_container, part

Client = TestClient[Any]
Json = dict[str, Any]


@pytest.fixture(scope="module")
def container() -> UploadContainer:
    return a_container(secure_cookies=False)


@pytest.fixture(scope="module")
def app(container: UploadContainer) -> Litestar:
    return create_app(container)


@pytest.fixture
def client(app: Litestar, container: UploadContainer, desk: Desk) -> Iterator[Client]:
    desk.furnish(container)
    with TestClient(app) as client:
        yield client


def problem(answer: Any, status: int, code: str) -> Json:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: Json = answer.json()
    assert (found["code"], found["status"]) == (code, status)
    assert {"type", "title", "detail"} <= found.keys()
    return found


def create(client: Client, **more: Any) -> Json:
    answer = client.post("/api/uploads", json={"filename": "song.wav", "size": len(BODY), **more})
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


def test_a_new_upload_is_answered_with_where_it_is(client: Client) -> None:
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
def test_conversions_may_be_asked_for_along_with_it(
    client: Client, convert: object, count: int
) -> None:
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
def test_what_cannot_be_taken_is_refused_with_its_code(
    client: Client, desk: Desk, body: Json, status: int, code: str
) -> None:
    found = problem(client.post("/api/uploads", json=body), status, code)

    if code == "validation_failed":
        assert all(error.keys() == {"field", "message"} for error in found["errors"])
    assert not desk.table.all()


def test_a_body_larger_than_any_of_ours_is_refused(client: Client) -> None:
    answer = client.post(
        "/api/uploads",
        content=b'{"filename": "' + b"x" * 70_000 + b'"}',
        headers={"Content-Type": "application/json"},
    )

    problem(answer, 413, "body_too_large")


def test_parts_come_in_by_every_way(client: Client, desk: Desk) -> None:
    upload_id = create(client)["id"]
    upload = desk.uploads.get(upload_id)

    signed = client.post(f"/api/uploads/{upload_id}/parts/sign", json={"part_numbers": [1]})
    assert signed.status_code == 200
    (one,) = signed.json()["parts"]
    assert one.keys() == {"part_number", "url", "headers", "expires_at"}
    desk.multipart.put_part(upload.key, upload.multipart_id, 1, BODY)
    assert client.post(f"/api/uploads/{upload_id}/parts/1", json={}).json()["percent"] == 100.0
    assert client.put(f"/api/uploads/{upload_id}/parts/1", content=BODY).json()[
        "completed_parts"
    ] == [1]
    done = client.post(f"/api/uploads/{upload_id}/complete")

    assert (done.status_code, done.json()["status"]) == (200, "uploaded")
    assert client.post(f"/api/uploads/{upload_id}/complete", json={}).json() == done.json()
    problem(client.put(f"/api/uploads/{upload_id}/parts/1", content=BODY), 409, "upload_closed")
    problem(
        client.post(f"/api/uploads/{upload_id}/parts/sign", json={"part_numbers": [1]}),
        409,
        "upload_closed",
    )


@pytest.mark.parametrize("header", ["Content-MD5", "x-amz-checksum-sha256"])
def test_a_checksum_sent_along_is_checked(client: Client, desk: Desk, header: str) -> None:
    upload_id = create(client)["id"]
    digest = hashlib.md5(BODY) if header == "Content-MD5" else hashlib.sha256(BODY)
    right, wrong = (
        base64.b64encode(digest.digest()).decode(),
        base64.b64encode(b"0" * digest.digest_size).decode(),
    )

    problem(
        client.put(f"/api/uploads/{upload_id}/parts/1", content=BODY, headers={header: wrong}),
        422,
        "checksum_mismatch",
    )
    assert desk.uploads.get(upload_id).completed_parts == frozenset()
    assert (
        client.put(
            f"/api/uploads/{upload_id}/parts/1", content=BODY, headers={header: right}
        ).status_code
        == 200
    )


@pytest.mark.parametrize(
    ("number", "content", "code"),
    [(1, b"short", "part_size_mismatch"), (2, BODY, "part_number_invalid")],
)
def test_a_part_that_does_not_fit_is_refused(
    client: Client, number: int, content: bytes, code: str
) -> None:
    upload_id = create(client)["id"]

    problem(client.put(f"/api/uploads/{upload_id}/parts/{number}", content=content), 422, code)


def test_a_part_without_a_length_is_refused(client: Client) -> None:
    upload_id = create(client)["id"]

    found = problem(
        client.put(f"/api/uploads/{upload_id}/parts/1", content=iter([BODY])),
        422,
        "part_size_mismatch",
    )

    assert "Content-Length" in found["detail"]


@pytest.mark.parametrize("numbers", [[], list(range(1, 102)), ["one"], None])
def test_a_request_to_sign_what_cannot_be_is_refused(client: Client, numbers: object) -> None:
    upload_id = create(client)["id"]

    problem(
        client.post(f"/api/uploads/{upload_id}/parts/sign", json={"part_numbers": numbers}),
        422,
        "validation_failed",
    )


def test_missing_parts_are_named(client: Client) -> None:
    upload_id = create(client)["id"]

    found = problem(
        client.post(f"/api/uploads/{upload_id}/complete", json={}), 409, "upload_incomplete"
    )

    assert found["missing_parts"] == [1]


def test_a_failed_upload_tells_why(client: Client, desk: Desk) -> None:
    upload_id = create(client)["id"]
    desk.uploads.mark_failed(upload_id, Failure("upload_expired", "Gone."))

    assert client.get(f"/api/uploads/{upload_id}").json()["error"] == {
        "code": "upload_expired",
        "detail": "Gone.",
    }


def test_deleting_answers_once(client: Client) -> None:
    upload_id = create(client)["id"]

    answer = client.delete(f"/api/uploads/{upload_id}")

    assert (answer.status_code, answer.content) == (204, b"")
    problem(client.delete(f"/api/uploads/{upload_id}"), 404, "upload_not_found")


def test_a_listing_goes_on_page_by_page_newest_first(client: Client, desk: Desk) -> None:
    made = []
    for _ in range(5):
        made.append(create(client)["id"])
        desk.clock.advance(1)
    first = client.get("/api/uploads?limit=3").json()
    second = client.get(f"/api/uploads?limit=3&next={first['next']}").json()

    assert sorted(item["id"] for page in (first, second) for item in page["items"]) == sorted(made)
    assert (len(first["items"]), second["next"]) == (3, None)
    problem(client.get("/api/uploads?next=nonsense"), 422, "cursor_invalid")
    problem(client.get("/api/uploads?limit=101"), 422, "validation_failed")


def test_a_store_that_is_away_is_told_in_words_with_when_to_come_back(
    client: Client, desk: Desk
) -> None:
    fail_calls(desk.uploads, "get")

    answer = client.get("/api/uploads/upl_" + "A" * 22)

    problem(answer, 503, "storage_unavailable")
    assert answer.headers["retry-after"] == "2"


def test_an_unforeseen_fault_tells_nothing_of_the_inside(
    app: Litestar, client: Client, desk: Desk
) -> None:
    fail_calls(desk.uploads, "get", error=ZeroDivisionError("secret"))
    answer = TestClient(app, raise_server_exceptions=False).get("/api/uploads/upl_" + "A" * 22)

    assert "secret" not in problem(answer, 500, "internal")["detail"]


def test_bytes_of_a_part_are_those_that_were_sent(client: Client, desk: Desk) -> None:
    upload = desk.begun()
    token = client.post("/api/session").json()["token"]
    client.headers["Authorization"] = f"Bearer {token}"
    upload_id = create(client)["id"]
    client.put(f"/api/uploads/{upload_id}/parts/1", content=BODY)
    client.post(f"/api/uploads/{upload_id}/complete")

    assert desk.body(desk.uploads.get(upload_id)) == BODY
    assert client.put(f"/api/uploads/{upload.id}/parts/1", content=part(1)).status_code == 404
