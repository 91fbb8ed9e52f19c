"""Test that the bytes of Uppy's uploads count, and count once."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from libs.core.domain.uploads import MIB, S3_MAX_PARTS
from libs.core.errors import PartsChanged, PartSizeMismatch, StorageUnavailable
from services.upload.app import create_app
from services.upload.container import UploadContainer
from tests.fault_injection import fail_calls, record_calls
from tests.upload.support import Client, UploadHarness, create_container, problem

PATH = "/api/uploads/s3/multipart"
MAX_SIZE = 20 * MIB


@pytest.fixture(scope="module")
def container() -> UploadContainer:
    return create_container(
        secure_cookies=False, max_file_size=MAX_SIZE, upload_bytes_per_hour=2 * MAX_SIZE
    )


@pytest.fixture(scope="module")
def app(container: UploadContainer) -> Litestar:
    return create_app(container)


@pytest.fixture
def client(app: Litestar, container: UploadContainer, harness: UploadHarness) -> Iterator[Client]:
    harness.override_adapters(container)
    with TestClient(app) as client:
        yield client


class Multipart:
    """Hold one upload of Uppy's, whose parts go straight to S3."""

    def __init__(self, client: Client, harness: UploadHarness) -> None:
        self._client, self._harness = client, harness
        made = client.post(PATH, json={"filename": "a.wav"}).json()
        self.key, self.id = made["key"], made["uploadId"]
        self._parts: list[dict[str, Any]] = []

    def put(self, number: int, size: int) -> None:
        etag = self._harness.multipart.put_part(self.key, self.id, number, bytes(size))
        self._parts.append({"PartNumber": number, "ETag": etag})

    def sign(self, path: str) -> Any:
        return self._client.get(
            f"{PATH}/{self.id}/{path}{'&' if '?' in path else '?'}key={self.key}"
        )

    def complete(self) -> Any:
        return self._client.post(
            f"{PATH}/{self.id}/complete", params={"key": self.key}, json={"parts": self._parts}
        )


@pytest.mark.parametrize("number", [0, S3_MAX_PARTS + 1, 2**40])
def test_a_completion_with_a_number_that_s3_does_not_know_is_refused(
    client: Client, number: int
) -> None:
    """Numbers without a limit can be chosen so that a dict of 10,000 takes 60 ms."""
    answer = client.post(
        f"{PATH}/any/complete",
        params={"key": "any"},
        json={"parts": [{"PartNumber": number, "ETag": "etag"}]},
    )

    problem(answer, 422, "validation_failed")


@pytest.mark.parametrize("error", [PartSizeMismatch, PartsChanged, StorageUnavailable])
def test_a_completion_that_fails_counts_the_bytes_once(
    client: Client, harness: UploadHarness, error: type[Exception]
) -> None:
    multipart = Multipart(client, harness)
    multipart.put(1, MAX_SIZE)
    fail_calls(harness.multipart, "complete", times=4, error=error("not now"))

    failed = [multipart.complete().json()["code"] for _ in range(4)]

    assert "rate_limited" not in failed
    assert multipart.complete().status_code == 200
    other = Multipart(client, harness)
    other.put(1, MAX_SIZE)
    assert other.complete().status_code == 200, "the other half of the quota"
    third = Multipart(client, harness)
    third.put(1, 1)
    problem(third.complete(), 429, "rate_limited")


@pytest.mark.parametrize("path", ["3", "batch?partNumbers=3,4"])
def test_no_part_is_signed_after_those_that_fill_a_file(
    client: Client, harness: UploadHarness, path: str
) -> None:
    multipart = Multipart(client, harness)
    for number in (1, 2):
        assert multipart.sign(path).status_code == 200
        multipart.put(number, MAX_SIZE // 2)

    problem(multipart.sign(path), 413, "file_too_large")

    assert multipart.sign("2").status_code == 200, "to send a stored part again"
    assert multipart.complete().status_code == 200


def test_bytes_that_are_never_completed_count(client: Client, harness: UploadHarness) -> None:
    for _ in range(2):
        multipart = Multipart(client, harness)
        multipart.put(1, MAX_SIZE - 1)
        assert multipart.sign("2").status_code == 200
        assert multipart.sign("2").status_code == 200, "and count once"

    third = Multipart(client, harness)
    third.put(1, MAX_SIZE // 2)
    problem(third.sign("2"), 429, "rate_limited")


def test_few_bytes_do_not_count_until_the_upload_is_complete(
    client: Client, harness: UploadHarness
) -> None:
    multipart = Multipart(client, harness)
    multipart.put(1, MIB // 2)
    calls = record_calls(harness.uploads, "set_counted_bytes")

    multipart.sign("2")
    assert calls == []
    assert multipart.complete().status_code == 200
    assert calls == ["set_counted_bytes"]


def test_parts_of_an_upload_that_s3_has_lost_are_not_signed(
    client: Client, harness: UploadHarness
) -> None:
    multipart = Multipart(client, harness)
    harness.multipart.abort(multipart.key, multipart.id)

    problem(multipart.sign("1"), 404, "upload_not_found")


def test_declared_bytes_count_once_and_those_of_forms_never(client: Client) -> None:
    body, key = {"filename": "a.wav", "size": MAX_SIZE}, {"Idempotency-Key": "once"}
    made = client.post("/api/uploads", json=body, headers=key).json()
    assert client.post("/api/uploads", json=body).status_code == 201
    problem(client.post("/api/uploads", json=body), 429, "rate_limited")

    part = bytes(made["part_size"])
    for _ in range(2):
        assert client.put(f"/api/uploads/{made['id']}/parts/1", content=part).status_code == 200
    again = client.post("/api/uploads", json=body, headers=key)
    assert (again.status_code, again.json()["id"]) == (201, made["id"])
    form = client.get("/api/uploads/s3/params", params={"filename": "a.wav"})
    assert form.status_code == 200
