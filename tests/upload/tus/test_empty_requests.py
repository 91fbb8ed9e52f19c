"""Test that requests which bring nothing change nothing: no quota counts them."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.fault_injection import fail_calls
from tests.upload.support import UploadHarness, problem
from tests.upload.tus.support import BYTES, PART, PATH, TUS, Client, append, create, stored


def sha1(data: bytes) -> str:
    return f"sha1 {base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()}"


def chunked(url: str, client: Client) -> httpx.Response:
    """Send no bytes, in a body whose length is not known before it ends."""

    def nothing() -> Iterator[bytes]:
        yield from ()

    sent: Any = nothing()
    return client.patch(url, content=sent, headers={**BYTES, "Upload-Offset": "5"})


REQUESTS: dict[str, tuple[Callable[[Client, str], httpx.Response], int]] = {
    "no bytes": (lambda c, url: append(c, url, 5, b""), 204),
    "no bytes in chunks": (lambda c, url: chunked(url, c), 204),
    "no bytes and the known length": (
        lambda c, url: append(c, url, 5, b"", **{"Upload-Length": "10"}),
        204,
    ),
    "no bytes and another length": (
        lambda c, url: append(c, url, 5, b"", **{"Upload-Length": "11"}),
        400,
    ),
    "no bytes and their checksum": (
        lambda c, url: append(c, url, 5, b"", **{"Upload-Checksum": sha1(b"")}),
        204,
    ),
    "no bytes and another checksum": (
        lambda c, url: append(c, url, 5, b"", **{"Upload-Checksum": sha1(b"x")}),
        460,
    ),
    "no bytes at another offset": (lambda c, url: append(c, url, 0, b""), 409),
    "the offset": (lambda c, url: c.head(url, headers=TUS), 200),
    "the options": (lambda c, url: c.options(url), 204),
    "the deletion of another one": (lambda c, url: c.delete(f"{url}x", headers=TUS), 404),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_without_bytes_writes_nothing(
    client: Client, harness: UploadHarness, name: str
) -> None:
    send, status = REQUESTS[name]
    url = create(client, 10)
    append(client, url, 0, b"12345")
    items, objects = harness.table.all(), dict(harness.bucket.objects)

    answer = send(client, url)

    assert answer.status_code == status
    if status in (200, 204) and "Upload-Offset" in answer.headers:
        assert answer.headers["Upload-Offset"] == "5"
    assert (harness.table.all(), harness.bucket.objects) == (items, objects)


def test_a_request_without_bytes_leaves_the_upload_to_its_writer(
    client: Client, harness: UploadHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = create(client, PART)
    put_part, empty = harness.multipart.put_part, list[httpx.Response]()

    def put(*part: Any) -> str:
        empty.append(append(client, url, 0, b""))
        return put_part(*part)

    monkeypatch.setattr(harness.multipart, "put_part", put)

    assert append(client, url, 0, b"x" * PART).status_code == 204
    assert [answer.status_code for answer in empty] == [204]
    assert stored(harness, url)[1] == b"x" * PART


def test_a_deferred_length_may_come_without_bytes(client: Client, harness: UploadHarness) -> None:
    url = create(client, None)
    append(client, url, 0, b"12345")

    answer = append(client, url, 5, b"", **{"Upload-Length": "5"})

    assert (answer.status_code, answer.headers["Upload-Length"]) == (204, "5")
    assert stored(harness, url)[1] == b"12345"


@pytest.mark.parametrize(("length", "code"), [("0", "file_empty"), ("9" * 20, "file_too_large")])
def test_a_deferred_length_that_is_refused_writes_nothing(
    client: Client, harness: UploadHarness, length: str, code: str
) -> None:
    url = create(client, None)
    items = harness.table.all()

    answer = append(client, url, 0, b"", **{"Upload-Length": length})

    problem(answer, {"file_empty": 422, "file_too_large": 413}[code], code)
    assert harness.table.all() == items


def test_a_request_without_bytes_completes_an_upload_that_is_whole(
    client: Client, harness: UploadHarness
) -> None:
    url = create(client, 5)
    fail_calls(harness.multipart, "complete")
    assert append(client, url, 0, b"12345").status_code == 503

    assert append(client, url, 5, b"").status_code == 204
    assert stored(harness, url)[1] == b"12345"
    problem(append(client, url, 5, b""), 409, "upload_closed")


def test_creation_with_no_bytes_writes_the_new_upload_once(
    client: Client, harness: UploadHarness
) -> None:
    headers = {**BYTES, "Upload-Length": "5"}

    answer = client.post(PATH, content=b"", headers=headers)

    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, "0")
    assert [upload.version for upload in harness.table.all()] == [1]


def test_an_upload_of_another_session_takes_no_empty_request(client: Client) -> None:
    url = create(client, 5)
    client.cookies.clear()

    problem(append(client, url, 0, b""), 404, "upload_not_found")
