"""Test the S3 dialect of Uppy's Companion over HTTP."""

import json
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from libs.core.domain.uploads import MIB, Upload, UploadStatus, upload_id_of
from libs.core.web import request as request_module
from services.upload.app import create_app
from services.upload.container import UploadContainer
from tests.fault_injection import record_calls
from tests.upload.support import UploadHarness, create_container

PATH = "/api/uploads/s3"
Client = TestClient[Any]


@pytest.fixture(scope="module")
def container() -> UploadContainer:
    return create_container(secure_cookies=False, max_file_size=20 * MIB)


@pytest.fixture(scope="module")
def app(container: UploadContainer) -> Litestar:
    return create_app(container)


@pytest.fixture
def client(app: Litestar, container: UploadContainer, harness: UploadHarness) -> Iterator[Client]:
    harness.override_adapters(container)
    with TestClient(app) as client:
        yield client


class Multipart:
    """Drive one multipart upload as Uppy does."""

    def __init__(self, client: Client, harness: UploadHarness, **metadata: Any) -> None:
        self._client, self._desk = client, harness
        body = {"filename": "söng.wav", "type": "audio/wav", "metadata": metadata}
        answer = client.post(f"{PATH}/multipart", json=body)
        assert answer.status_code == 200, answer.text
        self.key, self.id = answer.json()["key"], answer.json()["uploadId"]
        self.url = f"{PATH}/multipart/{self.id}"

    @property
    def upload(self) -> Upload:
        return self._desk.uploads.get(upload_id_of(self.key) or "")

    def get(self, path: str = "", **query: str) -> Any:
        return self._client.get(self.url + path, params={"key": self.key, **query})

    def put(self, number: int, body: bytes) -> str:
        """Send a part straight to S3, to the presigned URL; return its ETag."""
        query = parse_qs(urlsplit(self.get(f"/{number}").json()["url"]).query)
        assert query["partNumber"] == [str(number)]
        return self._desk.multipart.put_part(self.key, query["uploadId"][0], number, body)

    def complete(self, parts: list[tuple[int, str]]) -> Any:
        body = {"parts": [{"PartNumber": number, "ETag": etag} for number, etag in parts]}
        return self._client.post(f"{self.url}/complete", params={"key": self.key}, json=body)


@pytest.mark.parametrize("quote", ["", '"'])
def test_parts_of_any_size_become_the_file(
    client: Client, harness: UploadHarness, quote: str
) -> None:
    bodies = [random.Random(number).randbytes(5 * MIB + number) for number in (1, 2)] + [b"end"]
    multipart = Multipart(client, harness)

    etags = [multipart.put(number, body) for number, body in enumerate(bodies, start=1)]
    answer = multipart.complete(
        [(number, quote + etag + quote) for number, etag in enumerate(etags, start=1)]
    )

    assert answer.status_code == 200
    assert answer.json()["key"] == multipart.key
    assert answer.json()["location"].endswith(f"/api/uploads/{multipart.upload.id}")
    assert harness.body(multipart.upload) == b"".join(bodies)
    assert multipart.upload.status is UploadStatus.UPLOADED
    assert multipart.upload.size == sum(map(len, bodies))
    assert multipart.upload.filename == "söng.wav"


def test_stored_parts_are_listed_for_resuming(client: Client, harness: UploadHarness) -> None:
    multipart = Multipart(client, harness)
    sizes = [5 * MIB, 1]
    etags = [multipart.put(number, bytes(size)) for number, size in enumerate(sizes, start=1)]

    assert multipart.get().json() == [
        {"PartNumber": number, "ETag": f'"{etag}"', "Size": size}
        for number, (etag, size) in enumerate(zip(etags, sizes, strict=True), start=1)
    ]
    assert multipart.upload.completed_parts == {1}


def test_listing_the_same_parts_again_writes_nothing(
    client: Client, harness: UploadHarness
) -> None:
    multipart = Multipart(client, harness)
    multipart.put(1, bytes(5 * MIB))
    writes = record_calls(harness.uploads, "set_parts")

    multipart.get()
    multipart.get()

    assert writes == ["set_parts"]


def test_thousands_of_tiny_parts_cost_readers_of_the_upload_nothing(
    client: Client, harness: UploadHarness
) -> None:
    multipart = Multipart(client, harness)
    for number in (1, 2, 3):
        multipart.put(number, b"x")
    multipart.get()

    shown = client.get(f"/api/uploads/{multipart.upload.id}").json()

    assert shown["completed_parts"] == []
    assert multipart.upload.completed_parts == frozenset()


@pytest.mark.parametrize("is_recorded", [True, False])
def test_a_client_killed_before_it_knew_the_end_sends_nothing_and_learns_it(
    client: Client, harness: UploadHarness, is_recorded: bool
) -> None:
    multipart = Multipart(client, harness)
    bodies = [bytes(5 * MIB), b"end"]
    etags = [multipart.put(number, body) for number, body in enumerate(bodies, start=1)]
    parts = harness.multipart.list_parts(multipart.key, multipart.id)
    if is_recorded:
        multipart.complete(list(enumerate(etags, start=1)))
    else:
        harness.multipart.complete(multipart.key, multipart.id, parts)

    listed = multipart.get().json()
    answer = multipart.complete([(part["PartNumber"], part["ETag"]) for part in listed])

    assert [(part["PartNumber"], part["Size"]) for part in listed] == [(1, 5 * MIB), (2, 3)]
    assert answer.status_code == 200
    assert harness.body(multipart.upload) == b"".join(bodies)


def test_an_upload_that_a_lifecycle_rule_aborted_is_not_found(
    client: Client, harness: UploadHarness
) -> None:
    multipart = Multipart(client, harness)
    harness.multipart.abort(multipart.key, multipart.id)

    answer = multipart.get()

    assert answer.status_code == 404
    assert answer.json()["message"] == answer.json()["detail"]
    assert multipart.upload.status is UploadStatus.FAILED


def test_completing_twice_gives_the_same_answer(client: Client, harness: UploadHarness) -> None:
    multipart = Multipart(client, harness)
    parts = [(1, multipart.put(1, b"all"))]

    first, second = multipart.complete(parts), multipart.complete(parts)

    assert (second.status_code, second.json()) == (200, first.json())


def test_missing_or_different_part_is_named(client: Client, harness: UploadHarness) -> None:
    multipart = Multipart(client, harness)
    etag = multipart.put(1, b"one")

    answer = multipart.complete([(1, etag), (2, etag), (3, "0" * 32)])

    assert (answer.status_code, answer.json()["missing_parts"]) == (409, [2, 3])
    assert multipart.upload.status is UploadStatus.UPLOADING


def test_parts_over_the_limit_are_refused(client: Client, harness: UploadHarness) -> None:
    multipart = Multipart(client, harness)
    parts = [(number, multipart.put(number, bytes(7 * MIB))) for number in (1, 2, 3)]

    answer = multipart.complete(parts)

    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")


def test_several_parts_are_signed_at_once(client: Client, harness: UploadHarness) -> None:
    multipart = Multipart(client, harness)

    urls = multipart.get("/batch", partNumbers="1,4").json()["presignedUrls"]

    assert set(urls) == {"1", "4"}
    assert multipart.get("/batch", partNumbers="1;7").status_code == 422
    assert multipart.get("/batch", partNumbers=",".join(["1"] * 101)).status_code == 422


def test_no_part_is_signed_that_no_file_can_have(client: Client, harness: UploadHarness) -> None:
    multipart = Multipart(client, harness)

    assert multipart.get("/0").json()["code"] == "part_number_invalid"
    assert multipart.get("/10001").json()["code"] == "part_number_invalid"
    assert multipart.get("/5").json()["code"] == "file_too_large"
    assert multipart.get("/batch", partNumbers="4,5").json()["code"] == "file_too_large"
    assert "url" in multipart.get("/4").json()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"parts": [' + "[]," * 9_000 + "1]}", 422),
        ('{"parts": [], "more": [' + "[]," * 9_000 + "1]}", 409),
        ('{"parts": [{"PartNumber": "1", "ETag": "a"}]}', 422),
        ('{"parts": [}', 400),
        ("[" * 9_000, 422),
        ('{"more": ' + "[" * 9_000, 400),
        (b"\xff", 400),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_the_body_of_a_completion_is_parsed_into_its_type_at_once(
    client: Client,
    harness: UploadHarness,
    monkeypatch: pytest.MonkeyPatch,
    body: str | bytes,
    status: int,
) -> None:
    """A body of 1 MiB may have 300,000 lists; one a second kept all others waiting for seconds."""
    multipart = Multipart(client, harness)
    monkeypatch.setattr(request_module, "convert_strictly", None)  # calling it would answer 500

    answer = client.post(
        f"{multipart.url}/complete",
        params={"key": multipart.key},
        content=body,
        headers={"Content-Type": "application/json"},
    )

    assert answer.status_code == status, answer.text


def test_aborted_upload_is_unknown(client: Client, harness: UploadHarness) -> None:
    multipart = Multipart(client, harness)

    answer = client.delete(multipart.url, params={"key": multipart.key})

    assert (answer.status_code, answer.json()) == (200, {})
    assert multipart.get().status_code == 404


@pytest.mark.parametrize("key", ["uploads/upl_x/source", "outputs/cnv_1/1.mp3", "x"])
def test_key_of_another_upload_is_unknown(client: Client, harness: UploadHarness, key: str) -> None:
    multipart = Multipart(client, harness)

    assert client.get(multipart.url, params={"key": key}).status_code == 404


def test_upload_of_another_session_is_unknown(client: Client, harness: UploadHarness) -> None:
    multipart = Multipart(client, harness)
    client.cookies.clear()

    assert multipart.get().status_code == 404
    assert multipart.get("/1").status_code == 404
    assert multipart.complete([(1, "x")]).status_code == 404


@pytest.mark.parametrize("encode", [json.dumps, lambda value: value], ids=["text", "object"])
def test_conversions_in_the_metadata_wait_for_the_file(
    client: Client, harness: UploadHarness, encode: Any
) -> None:
    multipart = Multipart(client, harness, convert=encode([{"format": "mp3"}]))

    assert [c.format for c in harness.conversions_of(multipart.upload)] == ["mp3"]


def test_form_takes_a_file_up_to_the_limit(client: Client, harness: UploadHarness) -> None:
    answer = client.get(
        f"{PATH}/params",
        params={
            "filename": "a.mp3",
            "type": "audio/mpeg",
            "metadata[convert]": '{"format": "wav"}',
        },
    ).json()
    upload = harness.uploads.get(upload_id_of(answer["fields"]["key"]) or "")

    assert answer["method"] == "POST"
    assert answer["fields"]["policy"].startswith(str(20 * MIB))
    assert len(upload.conversions) == 1
    # Nothing is in S3 yet: asking must not fail the upload.
    assert client.get(f"/api/uploads/{upload.id}").json()["status"] == "uploading"

    harness.objects.put(upload.key, b"posted", "audio/mpeg", {})

    shown = client.get(f"/api/uploads/{upload.id}").json()
    assert (shown["status"], shown["size"]) == ("uploaded", 6)
