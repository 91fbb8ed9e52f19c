"""Test the parts of uploads over HTTP, against docs/api.md."""

import base64
import hashlib

import pytest

from tests.upload.support import (
    BODY,
    Client,
    UploadHarness,
    create,
    part,
    problem,
)


def test_parts_arrive_by_presigned_url_and_through_the_service(
    client: Client, harness: UploadHarness
) -> None:
    upload_id = create(client)["id"]
    upload = harness.uploads.get(upload_id)

    signed = client.post(f"/api/uploads/{upload_id}/parts/sign", json={"part_numbers": [1]})
    assert signed.status_code == 200
    (one,) = signed.json()["parts"]
    assert one.keys() == {"part_number", "url", "headers", "expires_at"}
    harness.multipart.put_part(upload.key, upload.multipart_id, 1, BODY)
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
def test_the_checksum_of_a_part_is_checked(
    client: Client, harness: UploadHarness, header: str
) -> None:
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
    assert harness.uploads.get(upload_id).completed_parts == frozenset()
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
def test_a_request_to_sign_invalid_parts_is_refused(client: Client, numbers: object) -> None:
    upload_id = create(client)["id"]

    problem(
        client.post(f"/api/uploads/{upload_id}/parts/sign", json={"part_numbers": numbers}),
        422,
        "validation_failed",
    )


def test_missing_parts_are_listed(client: Client) -> None:
    upload_id = create(client)["id"]

    found = problem(
        client.post(f"/api/uploads/{upload_id}/complete", json={}), 409, "upload_incomplete"
    )

    assert found["missing_parts"] == [1]


def test_the_bytes_of_a_part_arrive_unchanged(client: Client, harness: UploadHarness) -> None:
    upload = harness.create_upload()
    token = client.post("/api/session").json()["token"]
    client.headers["Authorization"] = f"Bearer {token}"
    upload_id = create(client)["id"]
    client.put(f"/api/uploads/{upload_id}/parts/1", content=BODY)
    client.post(f"/api/uploads/{upload_id}/complete")

    assert harness.body(harness.uploads.get(upload_id)) == BODY
    assert client.put(f"/api/uploads/{upload.id}/parts/1", content=part(1)).status_code == 404
