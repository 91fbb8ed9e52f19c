"""Test that of several requests which write at once, one wins and the others change nothing."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from libs.core.domain.uploads import MIB, TusState, claimed_state
from libs.core.errors import ChecksumMismatch, UploadLocked
from services.upload.container import UploadContainer
from services.upload.tus.append import AppendToUpload
from services.upload.tus.append_writer import AppendWriter
from services.upload.tus.headers import Checksum
from tests.fakes import an_upload
from tests.upload.support import UploadHarness
from tests.upload.tus.support import PART, Client, append, create, stored


class Writers:
    """Begin requests that append to one upload, all from its first byte."""

    def __init__(self, client: Client, harness: UploadHarness, use_case: AppendToUpload, size: int):
        self.url = create(client, size)
        self._id = self.url.rpartition("/")[2]
        self._owner = harness.uploads.get(self._id).owner
        self._use_case = use_case

    def begin(self, checksum: Checksum | None = None) -> AppendWriter:
        return self._use_case.begin(self._owner, self._id, 0, None, checksum)

    def finish(self, writer: AppendWriter) -> None:
        self._use_case.finish(self._owner, writer)


@pytest.fixture
def use_case(client: Client, container: UploadContainer) -> AppendToUpload:
    del client  # its fixture puts the memory adapters into the container
    return container.append_to_upload()


def test_of_two_writers_only_the_later_one_wins(
    client: Client, harness: UploadHarness, use_case: AppendToUpload
) -> None:
    writers = Writers(client, harness, use_case, 10)
    first, second = writers.begin(), writers.begin()
    first.write(b"AAAAA")
    second.write(b"12345")

    writers.finish(second)
    with pytest.raises(UploadLocked):
        writers.finish(first)

    append(client, writers.url, 5, b"67890")
    assert stored(harness, writers.url)[1] == b"1234567890"


def test_a_replaced_writer_changes_no_part_that_counts(
    client: Client, harness: UploadHarness, use_case: AppendToUpload
) -> None:
    writers = Writers(client, harness, use_case, 2 * PART)
    first, second = writers.begin(), writers.begin()
    second.write(b"2" * PART)

    with pytest.raises(UploadLocked):
        first.write(b"A" * PART)
    second.write(b"2" * PART)
    writers.finish(second)

    assert stored(harness, writers.url)[1] == b"2" * 2 * PART


def test_a_part_of_a_replaced_writer_may_arrive_before_the_completion(
    client: Client,
    harness: UploadHarness,
    use_case: AppendToUpload,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writers = Writers(client, harness, use_case, 10)
    first, second = writers.begin(), writers.begin()
    first.write(b"A" * 10)
    second.write(b"1234567890")
    complete = harness.multipart.complete

    def complete_late(*arguments: Any) -> str:
        with pytest.raises(UploadLocked):
            first.finish()
        return complete(*arguments)

    monkeypatch.setattr(harness.multipart, "complete", complete_late)
    writers.finish(second)

    assert stored(harness, writers.url)[1] == b"1234567890"


def test_parts_of_a_request_with_a_checksum_are_its_own(
    client: Client, harness: UploadHarness, use_case: AppendToUpload
) -> None:
    writers = Writers(client, harness, use_case, 3 * PART)
    wrong = Checksum("sha1", b"of other bytes")
    first = writers.begin(wrong)
    first.write(b"A" * 2 * PART)
    second = writers.begin()
    second.write(b"2" * 2 * PART)

    with pytest.raises(UploadLocked):
        first.write(b"A" * PART)
    second.write(b"2" * PART)
    writers.finish(second)

    assert stored(harness, writers.url)[1] == b"2" * 3 * PART


def test_an_upload_goes_on_after_a_wrong_checksum_of_many_parts(
    client: Client, harness: UploadHarness, use_case: AppendToUpload
) -> None:
    writers = Writers(client, harness, use_case, 3 * PART)
    first = writers.begin(Checksum("sha1", b"of other bytes"))
    first.write(b"A" * 3 * PART)
    with pytest.raises(ChecksumMismatch):
        writers.finish(first)

    second = writers.begin()
    second.write(b"2" * 3 * PART)
    writers.finish(second)

    upload, body = stored(harness, writers.url)
    assert body == b"2" * 3 * PART
    assert upload.completed_parts == {1, 2, 3}


def test_an_upload_in_progress_shows_parts_without_gaps(
    client: Client, harness: UploadHarness, use_case: AppendToUpload
) -> None:
    writers = Writers(client, harness, use_case, 2 * PART)
    writers.begin()
    second = writers.begin()
    second.write(b"2" * PART)

    shown = client.get(f"/api/uploads/{writers.url.rpartition('/')[2]}").json()

    assert (shown["completed_parts"], shown["uploaded_bytes"]) == ([1], PART)


@pytest.mark.parametrize(
    ("size", "seed"), [*((1000, seed) for seed in range(20)), (2 * MIB, 20), (PART + 1000, 21)]
)
def test_simultaneous_requests_leave_the_file_of_one(
    client: Client,
    harness: UploadHarness,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
    seed: int,
) -> None:
    chance = random.Random(seed)
    bodies = [chance.randbytes(size) for _ in range(8)]
    url = create(client, size)
    put_part = harness.multipart.put_part

    def put_some_time(*arguments: Any) -> str:
        # Without it the requests hardly meet.
        time.sleep(chance.uniform(0, 0.01))
        etag = put_part(*arguments)
        time.sleep(chance.uniform(0, 0.01))
        return etag

    monkeypatch.setattr(harness.multipart, "put_part", put_some_time)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda body: append(client, url, 0, body), bodies))

    statuses = [answer.status_code for answer in answers]
    assert set(statuses) <= {204, 409, 423}
    assert statuses.count(204) == 1
    assert stored(harness, url)[1] == bodies[statuses.index(204)]


def test_parts_of_earlier_versions_are_not_replaced() -> None:
    state = TusState(offset=2 * PART + 7)
    upload = replace(an_upload(), part_size=PART, tus=state)

    assert claimed_state(upload, "me").next_part == 4
