"""Test that bytes count which S3 keeps of requests that changed nothing."""

from typing import Any

import pytest

from libs.core.domain.uploads import MIB
from libs.core.errors import RateLimited, UploadLocked
from libs.core.rate_limiter import Usage
from services.upload.container import UploadContainer
from services.upload.tus.append import AppendToUpload
from services.upload.tus.append_writer import AppendWriter
from tests.fault_injection import fail_calls
from tests.upload.support import UploadHarness, create_container, problem
from tests.upload.tus.support import PART, Client, append, create, offset_of, stored

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


class Requests:
    """Begin requests at the first byte of an upload, of which each replaces the one before."""

    def __init__(self, url: str, harness: UploadHarness, container: UploadContainer) -> None:
        upload = harness.uploads.get(url.rpartition("/")[2])
        self._upload_id, self._owner = upload.id, upload.owner
        self._usage = Usage(upload.owner, "198.51.100.1", container.rate_limiter())
        self._use_case: AppendToUpload = container.append_to_upload()

    def begin(self) -> AppendWriter:
        return self._use_case.begin(self._owner, self._upload_id, 0, usage=self._usage)

    def finish(self, request: AppendWriter) -> None:
        self._use_case.finish(self._owner, request)

    def send_replaced(self, body: bytes) -> None:
        replaced = self.begin()
        self.begin()
        replaced.write(body)
        self.finish(replaced)


def test_what_replaced_requests_leave_counts(
    client: Client, harness: UploadHarness, container: UploadContainer
) -> None:
    url = create(client, PART)
    requests = Requests(url, harness, container)

    for _ in range(QUOTA // PART):
        with pytest.raises(UploadLocked):
            requests.send_replaced(bytes(PART))
    with pytest.raises(RateLimited):
        requests.send_replaced(bytes(PART))

    assert QUOTA - 2 * PART < kept(harness, url) <= QUOTA


def test_a_replaced_request_stores_no_remainder(
    client: Client, harness: UploadHarness, container: UploadContainer
) -> None:
    url = create(client, PART)
    requests = Requests(url, harness, container)

    with pytest.raises(UploadLocked):
        requests.send_replaced(bytes(PART - 1))

    assert not [key for key in harness.bucket.objects if url.rpartition("/")[2] in key]


def test_a_request_that_is_replaced_while_it_stores_a_remainder_keeps_none(
    client: Client,
    harness: UploadHarness,
    container: UploadContainer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = create(client, PART)
    requests = Requests(url, harness, container)
    put = harness.objects.put

    def put_and_be_replaced(*arguments: Any) -> None:
        monkeypatch.setattr(harness.objects, "put", put)
        put(*arguments)
        requests.begin()

    monkeypatch.setattr(harness.objects, "put", put_and_be_replaced)
    replaced = requests.begin()
    replaced.write(bytes(PART - 1))
    with pytest.raises(UploadLocked):
        requests.finish(replaced)

    assert kept(harness, url) == 0


def test_a_remainder_that_the_upload_goes_on_from_is_kept(
    client: Client, harness: UploadHarness
) -> None:
    """A write that seems to have failed may have been stored: its reply was lost."""
    url = create(client, 10)
    fail_calls(harness.resumable_uploads, "advance", after=True, error=UploadLocked("Replaced."))

    problem(append(client, url, 0, b"12345"), 423, "upload_locked")

    assert append(client, url, 5, b"67890").status_code == 204
    assert stored(harness, url)[1] == b"1234567890"


def test_bytes_that_a_request_reads_again_count(client: Client, harness: UploadHarness) -> None:
    url = create(client, PART)
    offset = PART - 1000
    assert append(client, url, 0, bytes(offset)).status_code == 204

    answers = [append(client, url, offset + n, b"x") for n in range(QUOTA // PART)]

    statuses = [answer.status_code for answer in answers]
    assert statuses == [204] * (QUOTA // PART - 1) + [429]
    problem(answers[-1], 429, "rate_limited")
    assert offset_of(client, url) == offset + len(answers) - 1
    harness.clock.advance(3600)
    assert append(client, url, offset + len(answers) - 1, b"x").status_code == 204
