"""Send parts with checksums: S3 verifies them, straight from the client and through the service."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from libs.core.domain.checksums import PartChecksum
from services.upload.checksums import crc64nvme
from tests.upload.support import BODY, Client, UploadHarness, create, problem

SHA256 = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
SHA1 = base64.b64encode(hashlib.sha1(BODY, usedforsecurity=False).digest()).decode()


@pytest.fixture
def sent(harness: UploadHarness) -> list[PartChecksum | None]:
    """Return a list that gets the checksum of each part that is stored."""
    original = harness.multipart.put_part
    checksums: list[PartChecksum | None] = []

    def put_part(*args: Any) -> str:
        checksums.append(args[4] if len(args) > 4 else None)
        return original(*args)

    harness.multipart.put_part = put_part  # type: ignore[method-assign,assignment]
    return checksums


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, crc64nvme(BODY)),
        ({"x-amz-checksum-sha256": SHA256}, PartChecksum("sha256", SHA256)),
        (
            {"x-amz-checksum-sha1": SHA1, "x-amz-checksum-sha256": SHA256},
            PartChecksum("sha256", SHA256),
        ),
    ],
    ids=["none", "sha256", "strongest"],
)
def test_a_part_goes_to_s3_with_a_checksum(
    client: Client,
    sent: list[PartChecksum | None],
    headers: dict[str, str],
    expected: PartChecksum,
) -> None:
    path = f"/api/uploads/{create(client)['id']}/parts/1"

    assert client.put(path, content=BODY, headers=headers).status_code == 200
    assert sent == [expected]


def test_a_part_by_tus_goes_to_s3_with_a_checksum(
    client: Client, sent: list[PartChecksum | None]
) -> None:
    tus = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}

    answer = client.post(
        "/api/uploads/tus", content=BODY, headers={**tus, "Upload-Length": str(len(BODY))}
    )

    assert answer.status_code == 201
    assert sent == [crc64nvme(BODY)]


def test_a_part_that_arrives_in_s3_different_is_refused(
    client: Client, harness: UploadHarness
) -> None:
    original = harness.multipart.put_part

    def damage(key: str, multipart_id: str, number: int, body: bytes, *more: Any) -> str:
        return original(key, multipart_id, number, body[:-1] + b"!", *more)

    harness.multipart.put_part = damage  # type: ignore[method-assign,assignment]
    upload = create(client)

    problem(
        client.put(f"/api/uploads/{upload['id']}/parts/1", content=BODY), 422, "checksum_mismatch"
    )
    assert client.get(f"/api/uploads/{upload['id']}").json()["completed_parts"] == []


def sign(client: Client, **more: Any) -> Any:
    path = f"/api/uploads/{create(client)['id']}/parts/sign"
    return client.post(path, json={"part_numbers": [1], **more})


def test_a_url_is_bound_to_the_checksum_of_its_part(client: Client) -> None:
    [part] = sign(client, checksums={"1": SHA256}).json()["parts"]

    assert part["headers"] == {"x-amz-checksum-sha256": SHA256}
    assert parse_qs(urlsplit(part["url"]).query)["x-amz-checksum-sha256"] == [SHA256]


def test_a_url_without_checksum_needs_no_headers(client: Client) -> None:
    [part] = sign(client).json()["parts"]

    assert part["headers"] == {}


def test_another_algorithm_can_be_named(client: Client) -> None:
    [part] = sign(client, checksums={"1": SHA1}, checksum_algorithm="sha1").json()["parts"]

    assert part["headers"] == {"x-amz-checksum-sha1": SHA1}


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"checksums": {"1": SHA1}}, "checksum_mismatch"),
        ({"checksums": {"1": "not base64!"}}, "checksum_mismatch"),
        ({"checksums": {"1": "ü"}}, "checksum_mismatch"),
        ({"checksums": {"2": SHA256}}, "checksum_mismatch"),
        ({"checksums": {"one": SHA256}}, "checksum_mismatch"),
        ({"checksums": {"1" * 5000: SHA256}}, "checksum_mismatch"),
        ({"checksums": {"1": 5}}, "validation_failed"),
        ({"checksums": {"1": SHA256}, "checksum_algorithm": "md4"}, "validation_failed"),
    ],
)
def test_what_is_no_checksum_of_a_part_is_refused(
    client: Client, more: dict[str, object], code: str
) -> None:
    problem(sign(client, **more), 422, code)
