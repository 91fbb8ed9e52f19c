"""Test that bytes which S3 did not take are not acknowledged."""

import random

import pytest

from tests.fault_injection import fail_calls
from tests.upload.support import UploadHarness
from tests.upload.tus.support import PART, Client, append, create, offset_of, stored


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
