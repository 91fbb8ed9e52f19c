"""Test that only a few requests of an address let S3 list many parts at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from libs.core.domain.uploads import MIB, Upload
from libs.core.ports.multipart_uploads import Part
from libs.core.web.concurrency import COSTLY_AT_ONCE
from services.upload.part_routes import CHEAP_SPAN
from tests.fault_injection import eventually, record_calls
from tests.upload.support import BODY, Client, UploadHarness, create

Send = Callable[[], Any]
UPPY = "/api/uploads/s3/multipart"


def of_uppy(client: Client, harness: UploadHarness) -> Upload:
    """Create an upload of Uppy's, with one part."""
    key = client.post(UPPY, json={"filename": "a.wav"}).json()["key"]
    upload = harness.uploads.get(key.split("/")[1])
    harness.multipart.put_part(upload.key, upload.multipart_id, 1, BODY)
    return upload


def of_the_page(client: Client, harness: UploadHarness, size: int = len(BODY)) -> Upload:
    """Create an upload of which S3 has all parts."""
    made = client.post("/api/uploads", json={"filename": "a.wav", "size": size}).json()
    upload = harness.uploads.get(made["id"])
    harness.multipart.put_part(upload.key, upload.multipart_id, 1, BODY)
    return upload


def show(client: Client, harness: UploadHarness) -> Send:
    upload = of_uppy(client, harness)
    return lambda: client.get(f"/api/uploads/{upload.id}")


def complete(client: Client, harness: UploadHarness) -> Send:
    upload = of_the_page(client, harness)
    return lambda: client.post(f"/api/uploads/{upload.id}/complete")


def report(client: Client, harness: UploadHarness, last: int = 1 + CHEAP_SPAN) -> Send:
    upload = of_the_page(client, harness, 1_000 * 5 * MIB)
    body = {"part_numbers": [1, last]}
    return lambda: client.post(f"/api/uploads/{upload.id}/parts", json=body)


def list_of_uppy(client: Client, harness: UploadHarness) -> Send:
    upload = of_uppy(client, harness)
    return lambda: client.get(f"{UPPY}/{upload.multipart_id}", params={"key": upload.key})


def sign_of_uppy(client: Client, harness: UploadHarness) -> Send:
    upload = of_uppy(client, harness)
    return lambda: client.get(f"{UPPY}/{upload.multipart_id}/9", params={"key": upload.key})


def batch_of_uppy(client: Client, harness: UploadHarness) -> Send:
    upload = of_uppy(client, harness)
    query = {"key": upload.key, "partNumbers": "8,9"}
    return lambda: client.get(f"{UPPY}/{upload.multipart_id}/batch", params=query)


def complete_of_uppy(client: Client, harness: UploadHarness) -> Send:
    upload = of_uppy(client, harness)
    [part] = harness.multipart.list_parts(upload.key, upload.multipart_id)
    return lambda: client.post(
        f"{UPPY}/{upload.multipart_id}/complete",
        params={"key": upload.key},
        json={"parts": [{"PartNumber": 1, "ETag": part.etag}]},
    )


class Blocked:
    """Let the calls of a method of S3 wait, and count them."""

    def __init__(self, harness: UploadHarness, name: str, patch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.may_end = Event()
        self._call = getattr(harness.multipart, name)
        patch.setattr(harness.multipart, name, self)

    def __call__(self, *args: Any) -> Any:
        self.count += 1
        assert self.may_end.wait(10)
        return self._call(*args)


def statuses(answers: Sequence[Future[Any]]) -> set[int]:
    return {answer.result().status_code for answer in answers}


@pytest.mark.parametrize(
    "prepare",
    [show, complete, report, list_of_uppy, sign_of_uppy, batch_of_uppy, complete_of_uppy],
    ids=lambda prepare: prepare.__name__,
)
def test_only_a_few_requests_of_an_address_list_parts_at_once(
    client: Client,
    harness: UploadHarness,
    monkeypatch: pytest.MonkeyPatch,
    prepare: Callable[[Client, UploadHarness], Send],
) -> None:
    done = of_the_page(client, harness)
    assert client.post(f"/api/uploads/{done.id}/complete").status_code == 200
    send = prepare(client, harness)
    listings = Blocked(harness, "list_parts", monkeypatch)

    with ThreadPoolExecutor(2 * COSTLY_AT_ONCE) as pool:
        answers = [pool.submit(send) for _ in range(2 * COSTLY_AT_ONCE)]
        eventually(lambda: listings.count == COSTLY_AT_ONCE)
        assert create(client)["status"] == "uploading"
        reads = record_calls(harness.uploads, "get")
        assert client.get(f"/api/uploads/{done.id}").json()["status"] == "uploaded"
        assert reads == ["get"], "a finished upload is read once, and waits for no listing"
        assert listings.count == COSTLY_AT_ONCE
        listings.may_end.set()

    assert statuses(answers) == ({422} if prepare is report else {200})


@pytest.mark.parametrize("prepare", [complete, complete_of_uppy])
def test_files_that_s3_is_assembling_keep_no_listing_waiting(
    client: Client,
    harness: UploadHarness,
    monkeypatch: pytest.MonkeyPatch,
    prepare: Callable[[Client, UploadHarness], Send],
) -> None:
    sends = [prepare(client, harness) for _ in range(2 * COSTLY_AT_ONCE)]
    completions = Blocked(harness, "complete", monkeypatch)

    with ThreadPoolExecutor(2 * COSTLY_AT_ONCE) as pool:
        answers = [pool.submit(send) for send in sends]
        eventually(lambda: completions.count == 2 * COSTLY_AT_ONCE)
        assert client.get("/api/uploads").status_code == 200
        completions.may_end.set()

    assert statuses(answers) == {200}


def test_reports_of_parts_that_were_just_sent_do_not_wait_for_each_other(
    client: Client, harness: UploadHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = report(client, harness, last=CHEAP_SPAN)
    listings = Blocked(harness, "list_parts", monkeypatch)

    with ThreadPoolExecutor(2 * COSTLY_AT_ONCE) as pool:
        answers = [pool.submit(send) for _ in range(2 * COSTLY_AT_ONCE)]
        eventually(lambda: listings.count == 2 * COSTLY_AT_ONCE)
        listings.may_end.set()

    assert statuses(answers) == {422}


def test_parts_that_s3_would_refuse_are_not_named_to_it(
    client: Client, harness: UploadHarness
) -> None:
    upload = of_uppy(client, harness)
    harness.multipart.put_part(upload.key, upload.multipart_id, 2, BODY)
    parts: Sequence[Part] = harness.multipart.list_parts(upload.key, upload.multipart_id)
    completions = record_calls(harness.multipart, "complete")

    answer = client.post(
        f"{UPPY}/{upload.multipart_id}/complete",
        params={"key": upload.key},
        json={"parts": [{"PartNumber": part.number, "ETag": part.etag} for part in parts]},
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "part_size_mismatch")
    assert completions == []
