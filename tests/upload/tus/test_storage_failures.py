"""Test that bytes which S3 did not take are not acknowledged."""

import random

import pytest

from tests.fault_injection import fail_calls
from tests.upload.support import UploadHarness, problem
from tests.upload.tus.support import PART, TUS, Client, append, create, offset_of, stored


@pytest.mark.parametrize("failures", [1, 2], ids=["once", "and at the end again"])
@pytest.mark.parametrize("rest", [0, 1000], ids=["at the last part", "before the last part"])
def test_an_upload_goes_on_after_a_part_that_could_not_be_stored(
    client: Client, harness: UploadHarness, failures: int, rest: int
) -> None:
    body = random.Random(1).randbytes(2 * PART + rest)
    url = create(client, len(body))
    fail_calls(harness.multipart, "put_part", times=failures)

    append(client, url, 0, body)
    offset = offset_of(client, url)
    if offset < len(body):
        assert append(client, url, offset, body[offset:]).status_code == 204

    assert stored(harness, url)[1] == body


@pytest.mark.parametrize("was_stored", [True, False], ids=["reply lost", "not stored"])
@pytest.mark.parametrize("failures", range(1, 6))
def test_an_upload_goes_on_after_writes_of_its_offset_failed(
    client: Client, harness: UploadHarness, was_stored: bool, failures: int
) -> None:
    """Some of them reserve a part number, some move the offset."""
    body = random.Random(2).randbytes(2 * PART + 1000)
    url = create(client, len(body))
    fail_calls(harness.resumable_uploads, "advance", times=failures, after=was_stored)

    for _ in range(4):
        append(client, url, offset := offset_of(client, url), body[offset:])
        if offset_of(client, url) == len(body):
            break

    assert stored(harness, url)[1] == body


@pytest.mark.parametrize("length", [10, 3 * PART], ids=["at the last byte", "at a part"])
def test_an_upload_that_a_lifecycle_rule_aborted_is_gone(
    client: Client, harness: UploadHarness, length: int
) -> None:
    url = create(client, length)
    append(client, url, 0, b"12345")
    upload = harness.uploads.get(url.rpartition("/")[2])
    harness.multipart.abort(upload.key, upload.multipart_id)

    problem(append(client, url, 5, bytes(length - 5)), 410, "gone")

    assert client.head(url, headers=TUS).status_code == 410
    problem(append(client, url, 5, bytes(length - 5)), 410, "gone")
    [shown] = client.get("/api/uploads").json()["items"]
    assert (shown["status"], shown["error"]["code"]) == ("failed", "upload_expired")
