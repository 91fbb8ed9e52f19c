"""Declare the SHA-256 of a file that this session has uploaded before: nothing is sent again."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event
from typing import Any

import pytest

from libs.core.domain.uploads import MIN_PART_SIZE as PART
from libs.core.ports.multipart_uploads import Part
from libs.core.ports.uploads import UploadPage
from libs.core.web.concurrency import COSTLY_AT_ONCE
from services.upload import reuse
from services.upload.container import UploadContainer
from services.upload.copy_slots import COPIES_AT_ONCE
from services.upload.reuse import REUSED_PART_SIZE, copy_ranges
from tests.fakes import an_upload
from tests.fault_injection import eventually, fail_calls, record_calls
from tests.upload.support import BODY, Client, UploadHarness, create, problem

SHA256 = hashlib.sha256(BODY).hexdigest()
REQUEST = {"filename": "song.wav", "size": len(BODY), "sha256": SHA256}
KEY = {"Idempotency-Key": "once"}


def upload_whole(client: Client, **more: Any) -> dict[str, Any]:
    made = create(client, sha256=SHA256, **more)
    client.put(f"/api/uploads/{made['id']}/parts/1", content=BODY)
    done: dict[str, Any] = client.post(f"/api/uploads/{made['id']}/complete", json={}).json()
    assert done["status"] == "uploaded"
    return done


def test_a_file_of_this_session_need_not_be_sent_again(
    client: Client, harness: UploadHarness
) -> None:
    first = upload_whole(client)

    second = create(client, sha256=SHA256, filename="again.wav", convert={"format": "mp3"})

    assert (second["status"], second["percent"], second["sha256"]) == ("uploaded", 100.0, SHA256)
    assert (second["filename"], len(second["conversions"])) == ("again.wav", 1)
    assert second["id"] != first["id"]
    assert harness.bucket.objects[f"uploads/{second['id']}/source"].body == BODY
    assert list(harness.multipart.list_open("")) == []


def test_the_copy_lives_without_the_first_upload(client: Client, harness: UploadHarness) -> None:
    first = upload_whole(client)
    second = create(client, sha256=SHA256)
    client.delete(f"/api/uploads/{first['id']}")

    assert client.get(f"/api/uploads/{second['id']}").json()["status"] == "uploaded"


def test_files_of_other_sessions_do_not_count(client: Client) -> None:
    upload_whole(client)
    client.cookies.clear()

    assert create(client, sha256=SHA256)["status"] == "uploading"


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"size": len(BODY) + 1}])
def test_another_file_is_not_mistaken_for_it(client: Client, change: dict[str, Any]) -> None:
    upload_whole(client)

    made = client.post("/api/uploads", json=REQUEST | change).json()

    assert made["status"] == "uploading"


def test_an_unfinished_upload_is_not_copied(client: Client) -> None:
    create(client, sha256=SHA256)

    assert create(client, sha256=SHA256)["status"] == "uploading"


def test_a_file_whose_object_is_gone_is_sent_as_usual(
    client: Client, harness: UploadHarness
) -> None:
    first = upload_whole(client)
    harness.objects.delete([f"uploads/{first['id']}/source"])

    assert upload_whole(client)["status"] == "uploaded"


@pytest.mark.parametrize("method", ["copy_part", "complete"])
def test_a_copy_that_fails_leaves_an_upload_that_can_be_sent(
    client: Client, harness: UploadHarness, method: str
) -> None:
    upload_whole(client)
    fail_calls(harness.multipart, method, times=1)

    made = create(client, sha256=SHA256)
    assert made["status"] == "uploading"
    client.put(f"/api/uploads/{made['id']}/parts/1", content=BODY)

    assert client.post(f"/api/uploads/{made['id']}/complete", json={}).status_code == 200
    assert harness.bucket.objects[f"uploads/{made['id']}/source"].body == BODY


def test_a_file_that_takes_long_to_copy_is_sent_as_usual(
    client: Client, harness: UploadHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_whole(client)
    copies = record_calls(harness.multipart, "copy_part")
    monkeypatch.setattr(reuse, "MAX_COPIED", len(BODY) - 1)

    assert create(client, sha256=SHA256)["status"] == "uploading"
    assert copies == []

    monkeypatch.setattr(reuse, "MAX_COPIED", len(BODY))
    assert create(client, sha256=SHA256)["status"] == "uploaded"


def test_while_many_files_are_copied_another_is_sent_as_usual(
    client: Client, container: UploadContainer
) -> None:
    upload_whole(client)
    for _ in range(COPIES_AT_ONCE + 1):
        assert create(client, sha256=SHA256)["status"] == "uploaded", "slots are given back"
    with ExitStack() as others:
        for number in range(COPIES_AT_ONCE):
            assert others.enter_context(container.copy_slots().hold(f"client {number}"))

        assert create(client, sha256=SHA256)["status"] == "uploading"

    assert create(client, sha256=SHA256)["status"] == "uploaded"


def test_a_small_file_is_copied_as_a_whole(
    client: Client, harness: UploadHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 copies a range only of an object of more than 5 MB."""
    asked: list[bool] = []
    copy_part = harness.multipart.copy_part

    def copy(*place: Any, is_whole: bool = False) -> Part:
        asked.append(is_whole)
        return copy_part(*place, is_whole=is_whole)

    monkeypatch.setattr(harness.multipart, "copy_part", copy)
    upload_whole(client)

    assert create(client, sha256=SHA256)["status"] == "uploaded"
    assert asked == [True]


def test_a_repeated_request_looks_for_no_file(client: Client, harness: UploadHarness) -> None:
    """It is not counted, and each search reads a hundred uploads."""
    first = client.post("/api/uploads", json=REQUEST, headers=KEY).json()
    searches = record_calls(harness.uploads, "list")

    again = client.post("/api/uploads", json=REQUEST, headers=KEY)

    assert (again.status_code, again.json()) == (201, first)
    assert first["status"] == "uploading"
    assert searches == []


def test_a_repeated_request_whose_copy_broke_off_is_answered_with_an_upload_to_send(
    client: Client, harness: UploadHarness
) -> None:
    upload_whole(client)
    fail_calls(harness.uploads, "list")
    assert client.post("/api/uploads", json=REQUEST, headers=KEY).status_code == 503

    made = client.post("/api/uploads", json=REQUEST, headers=KEY).json()

    assert made["status"] == "uploading"
    assert client.put(f"/api/uploads/{made['id']}/parts/1", content=BODY).status_code == 200
    done = client.post(f"/api/uploads/{made['id']}/complete", json={}).json()
    assert done["status"] == "uploaded"


def test_only_a_few_requests_of_an_address_look_for_a_file_at_once(
    client: Client, harness: UploadHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_whole(client)
    listed, may_end, searches = harness.uploads.list, Event(), list[str]()

    def search(owner: str, limit: int, cursor: str | None = None) -> UploadPage:
        searches.append(owner)
        assert may_end.wait(10)
        return listed(owner, limit, cursor)

    monkeypatch.setattr(harness.uploads, "list", search)
    with ThreadPoolExecutor(2 * COSTLY_AT_ONCE) as pool:
        answers = [
            pool.submit(client.post, "/api/uploads", json=REQUEST)
            for _ in range(2 * COSTLY_AT_ONCE)
        ]
        eventually(lambda: len(searches) == COSTLY_AT_ONCE)
        assert create(client)["status"] == "uploading", "a request without a search need not wait"
        assert len(searches) == COSTLY_AT_ONCE
        may_end.set()

    assert {answer.result().status_code for answer in answers} == {201}
    assert len(searches) == 2 * COSTLY_AT_ONCE


def test_a_file_that_is_being_copied_keeps_no_other_search_waiting(
    client: Client, harness: UploadHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_whole(client)
    copy_part, may_end, copies = harness.multipart.copy_part, Event(), list[int]()

    def copy(*place: Any, is_whole: bool = False) -> Part:
        copies.append(1)
        assert may_end.wait(10)
        return copy_part(*place, is_whole=is_whole)

    monkeypatch.setattr(harness.multipart, "copy_part", copy)
    with ThreadPoolExecutor(COSTLY_AT_ONCE) as pool:
        answers = [
            pool.submit(client.post, "/api/uploads", json=REQUEST) for _ in range(COSTLY_AT_ONCE)
        ]
        eventually(lambda: len(copies) == COSTLY_AT_ONCE)
        assert client.get("/api/uploads").status_code == 200
        may_end.set()

    assert {answer.result().json()["status"] for answer in answers} == {"uploaded"}


@pytest.mark.parametrize("value", ["", "abc", SHA256.upper(), SHA256 + "0", 5])
def test_a_malformed_sha256_is_refused(client: Client, value: object) -> None:
    answer = client.post("/api/uploads", json=REQUEST | {"sha256": value})

    problem(answer, 422, "validation_failed")


@pytest.mark.parametrize(
    "size",
    [1, REUSED_PART_SIZE, REUSED_PART_SIZE + 1, REUSED_PART_SIZE + PART, 3 * REUSED_PART_SIZE],
)
def test_no_copied_range_can_be_taken_for_a_part_that_was_sent(size: int) -> None:
    upload = an_upload(size=size, part_size=PART)

    ranges = copy_ranges(upload)

    assert [start for start, _ in ranges] == [0, *(end for _, end in ranges[:-1])]
    assert ranges[-1][1] == size
    misplaced = [(start, end) for start, end in ranges[1:] if end - start == PART]
    assert misplaced == []
