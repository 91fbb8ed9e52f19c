"""Test that bytes count which S3 keeps of requests that changed nothing."""

from typing import Any

import pytest

from libs.core.domain.uploads import MIB
from libs.core.errors import RateLimited, UploadLocked
from libs.core.rate_limiter import Usage
from services.upload.container import UploadContainer
from services.upload.tus.append import AppendToUpload
from tests.upload.support import UploadHarness, create_container, problem
from tests.upload.tus.support import PART, Client, append, create, stored

QUOTA = 64 * MIB
WRONG = {"Upload-Checksum": "sha1 AAAA"}


@pytest.fixture(scope="module")
def container() -> UploadContainer:
    return create_container(
        secure_cookies=False, max_file_size=QUOTA, upload_bytes_per_hour=QUOTA, address_factor=1
    )


def kept(harness: UploadHarness, url: str) -> int:
    """Return the bytes that S3 keeps of an open upload."""
    upload = harness.uploads.get(url.rpartition("/")[2])
    parts = harness.multipart.list_parts(upload.key, upload.multipart_id)
    objects = (body for key, body in harness.bucket.objects.items() if upload.id in key)
    return sum(part.size for part in parts) + sum(len(stored.body) for stored in objects)


def send_until_refused(client: Client, url: str, **headers: str) -> Any:
    """Send the same two parts again and again until the answer is 429."""
    for _ in range(QUOTA // PART):
        answer = append(client, url, 0, bytes(2 * PART), **headers)
        if answer.status_code == 429:
            return answer
        assert answer.json()["code"] == "checksum_mismatch"
    raise AssertionError("all requests were taken")


def test_wrong_checksums_use_up_the_quota_of_bytes(client: Client, harness: UploadHarness) -> None:
    url = create(client, 2 * PART)

    problem(send_until_refused(client, url, **WRONG), 429, "rate_limited")

    assert QUOTA - PART <= kept(harness, url) <= QUOTA
    before = kept(harness, url)
    problem(append(client, url, 0, bytes(2 * PART), **WRONG), 429, "rate_limited")
    assert kept(harness, url) == before, "what is refused is not stored"
    harness.clock.advance(3600)
    assert append(client, url, 0, bytes(2 * PART)).status_code == 204


def test_a_first_wrong_checksum_leaves_room_for_the_right_bytes(
    client: Client, harness: UploadHarness
) -> None:
    url = create(client, 2 * PART)

    problem(append(client, url, 0, bytes(2 * PART), **WRONG), 460, "checksum_mismatch")
    assert append(client, url, 0, b"x" * 2 * PART).status_code == 204

    assert stored(harness, url)[1] == b"x" * 2 * PART


@pytest.mark.parametrize("size", [PART, PART - 1])
def test_what_replaced_requests_leave_counts(
    client: Client, harness: UploadHarness, container: UploadContainer, size: int
) -> None:
    url = create(client, PART)
    upload = harness.uploads.get(url.rpartition("/")[2])
    usage = Usage(upload.owner, "198.51.100.1", container.rate_limiter())
    use_case: AppendToUpload = container.append_to_upload()

    def send_replaced() -> None:
        replaced = use_case.begin(upload.owner, upload.id, 0, usage=usage)
        use_case.begin(upload.owner, upload.id, 0, usage=usage)
        replaced.write(bytes(size))
        use_case.finish(upload.owner, replaced)

    for _ in range(QUOTA // PART):
        with pytest.raises(UploadLocked):
            send_replaced()
    with pytest.raises(RateLimited):
        send_replaced()

    assert QUOTA - 2 * PART < kept(harness, url) <= QUOTA
