"""Test the extensions of tus 1.0.0, as its specification words them."""

import base64
import hashlib
import json
import random

import pytest

from libs.core.errors import FileTooLarge
from services.upload.tus.append import AppendToUpload
from tests.upload.support import UploadHarness
from tests.upload.tus.support import (
    BYTES,
    PART,
    PATH,
    TUS,
    Client,
    append,
    create,
    encode,
    offset_of,
    stored,
)


def test_creation_with_upload_stores_the_first_bytes(
    client: Client, harness: UploadHarness
) -> None:
    answer = client.post(PATH, content=b"12345", headers={**BYTES, "Upload-Length": "5"})

    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, "5")
    assert stored(harness, answer.headers["Location"])[1] == b"12345"


@pytest.mark.parametrize(
    ("body", "checksum", "status"), [(b"123456", None, 413), (b"12345", "sha1 AAAA", 460)]
)
def test_creation_whose_bytes_are_refused_leaves_nothing(
    client: Client, harness: UploadHarness, body: bytes, checksum: str | None, status: int
) -> None:
    headers = {**BYTES, "Upload-Length": "5", **({"Upload-Checksum": checksum} if checksum else {})}

    assert client.post(PATH, content=body, headers=headers).status_code == status

    assert harness.table.all() == []


def test_deferred_length_is_limited_by_the_largest_file(
    client: Client, harness: UploadHarness
) -> None:
    url = create(client, None)
    upload = harness.uploads.get(url.rpartition("/")[2])
    use_case = AppendToUpload(
        harness.uploads,
        harness.resumable_uploads,
        harness.multipart,
        harness.objects,
        harness.complete,
        harness.reconcile,
        max_size=10,
    )
    append_writer = use_case.begin(upload.owner, upload.id, 0)

    with pytest.raises(FileTooLarge):
        append_writer.write(b"12345678901")


def test_deferred_length_is_declared_by_a_later_patch(
    client: Client, harness: UploadHarness
) -> None:
    url = create(client, None)
    assert client.head(url, headers=TUS).headers["Upload-Defer-Length"] == "1"
    append(client, url, 0, b"12345")
    assert offset_of(client, url) == 5

    answer = append(client, url, 5, b"678", **{"Upload-Length": "8"})

    assert answer.headers["Upload-Offset"] == "8"
    upload, body = stored(harness, url)
    assert (upload.size, body) == (8, b"12345678")


def test_declared_length_cannot_change(client: Client) -> None:
    url = create(client, 10)

    answer = append(client, url, 0, b"12", **{"Upload-Length": "11"})

    assert (answer.status_code, answer.json()["code"]) == (400, "tus_request_invalid")


@pytest.mark.parametrize("algorithm", ["sha1", "md5", "sha256"])
def test_wrong_checksum_is_460_and_keeps_the_offset(
    client: Client, harness: UploadHarness, algorithm: str
) -> None:
    body = random.Random(7).randbytes(PART + 100)
    url = create(client, len(body))
    right = base64.b64encode(hashlib.new(algorithm, body).digest()).decode()
    wrong = base64.b64encode(hashlib.new(algorithm, b"other").digest()).decode()

    refused = append(client, url, 0, body, **{"Upload-Checksum": f"{algorithm} {wrong}"})
    assert (refused.status_code, refused.json()["code"]) == (460, "checksum_mismatch")
    assert offset_of(client, url) == 0

    assert (
        append(client, url, 0, body, **{"Upload-Checksum": f"{algorithm} {right}"}).status_code
        == 204
    )
    assert stored(harness, url)[1] == body


def test_unknown_checksum_algorithm_is_refused_with_400(client: Client) -> None:
    url = create(client, 5)

    assert append(client, url, 0, b"12345", **{"Upload-Checksum": "crc7 AAAA"}).status_code == 400


def test_deleted_upload_is_unknown(client: Client) -> None:
    url = create(client, 5)

    assert client.delete(url, headers=TUS).status_code == 204
    assert client.head(url, headers=TUS).status_code == 404


def test_conversions_in_the_metadata_wait_for_the_file(
    client: Client, harness: UploadHarness
) -> None:
    convert = json.dumps([{"format": "mp3"}, {"format": "flac", "bit_depth": 16}])
    url = create(client, 5, **{"Upload-Metadata": encode(filename="a.wav", convert=convert)})

    upload = harness.uploads.get(url.rpartition("/")[2])

    assert [c.format for c in harness.conversions_of(upload)] == ["mp3", "flac"]


@pytest.mark.parametrize(
    "convert", ["{", "7", '{"format": 3}', '{"no": 1}', "[" * 5000, '{"format": "\\ud800"}']
)
def test_unreadable_conversion_is_refused_before_anything_is_created(
    client: Client, harness: UploadHarness, convert: str
) -> None:
    answer = client.post(
        PATH,
        headers={**TUS, "Upload-Length": "5", "Upload-Metadata": encode(convert=convert)},
    )

    assert answer.status_code == 400
    assert harness.table.all() == []
