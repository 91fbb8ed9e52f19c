"""Test the concatenation extension of tus 1.0.0, as its specification words it."""

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event
from typing import Any

import pytest

from libs.core.domain.uploads import Upload, source_key
from libs.core.web.concurrency import COSTLY_AT_ONCE
from services.upload.container import UploadContainer
from services.upload.copy_slots import BUFFERS_OF_CLIENT, COPIES_AT_ONCE
from services.upload.tus import join
from services.upload.tus.join_plan import Range
from tests.fault_injection import eventually, fail_calls, record_calls
from tests.upload.support import UploadHarness, problem
from tests.upload.tus.support import (
    PART,
    PATH,
    TUS,
    Client,
    append,
    create,
    encode,
    stored,
)


def test_partial_uploads_are_joined_in_order(client: Client, harness: UploadHarness) -> None:
    bodies = [random.Random(1).randbytes(PART + 77), b"in between", b"the end"]
    read = record_calls(harness.objects, "read")
    urls = []
    for body in bodies:
        url = create(client, len(body), **{"Upload-Concat": "partial"})
        append(client, url, 0, body)
        urls.append(url)

    answer = client.post(
        PATH,
        headers={
            **TUS,
            "Upload-Concat": f"final;{' '.join(urls)}",
            "Upload-Metadata": encode(filename="whole.wav"),
        },
    )

    assert answer.status_code == 201
    final = answer.headers["Location"]
    upload, body = stored(harness, final)
    assert (upload.filename, body) == ("whole.wav", b"".join(bodies))
    assert [item["id"] for item in client.get("/api/uploads").json()["items"]] == [upload.id]
    head = client.head(final, headers=TUS)
    assert head.headers["Upload-Length"] == str(len(body))
    assert head.headers["Upload-Concat"].startswith("final;")
    problem(append(client, final, len(body), b"x"), 403, "upload_joined")
    assert len(read) == 2, "S3 copied the large one itself"


def test_so_many_uploads_are_joined_by_one_request(client: Client) -> None:
    urls = " ".join(f"{PATH}/upl_{number:022}" for number in range(join.MAX_PARTIALS + 1))

    answer = client.post(PATH, headers={**TUS, "Upload-Concat": f"final;{urls}"})

    assert (answer.status_code, answer.json()["code"]) == (400, "tus_request_invalid")


def test_while_many_are_being_joined_one_is_asked_to_come_again(
    client: Client, harness: UploadHarness, container: UploadContainer
) -> None:
    url = create(client, 5, **{"Upload-Concat": "partial"})
    append(client, url, 0, b"12345")
    with ExitStack() as others:
        for number in range(COPIES_AT_ONCE):
            assert others.enter_context(container.copy_slots().hold(f"client {number}"))
        answer = client.post(PATH, headers={**TUS, "Upload-Concat": f"final;{url}"})

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert [item.id for item in harness.table.all()] == [url.rpartition("/")[2]]


def test_all_joins_together_hold_only_so_many_parts_in_memory(
    client: Client,
    harness: UploadHarness,
    container: UploadContainer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Eight joins at once held 64 parts of 5 MiB, more than the memory of a small container."""
    monkeypatch.setattr(join, "can_be_copied", lambda part: False)
    monkeypatch.setattr(
        join, "plan_parts", lambda objects: [[Range(key, 0, size)] for key, size in objects]
    )
    finals = []
    for _ in range(4):
        urls = [create(client, 5, **{"Upload-Concat": "partial"}) for _ in range(4)]
        for url in urls:
            append(client, url, 0, b"12345")
        finals.append({**TUS, "Upload-Concat": f"final;{' '.join(urls)}"})
    put_part, may_end, held = harness.multipart.put_part, Event(), list[int]()

    def put(*part: Any) -> str:
        held.append(1)
        assert may_end.wait(10)
        return put_part(*part)

    monkeypatch.setattr(harness.multipart, "put_part", put)
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(client.post, PATH, headers=headers) for headers in finals]
        eventually(lambda: len(held) == BUFFERS_OF_CLIENT)
        assert container.copy_slots()._buffers.total() == BUFFERS_OF_CLIENT
        may_end.set()

    assert [answer.result().status_code for answer in answers] == [201] * 4


def test_unfinished_partial_upload_cannot_be_joined(client: Client) -> None:
    url = create(client, 5, **{"Upload-Concat": "partial"})

    answer = client.post(PATH, headers={**TUS, "Upload-Concat": f"final;{url}"})

    assert answer.status_code == 409


@pytest.mark.parametrize("method", ["put_part", "complete"])
def test_a_join_that_failed_is_continued_by_the_next_request(
    client: Client, harness: UploadHarness, method: str
) -> None:
    url = create(client, 5, **{"Upload-Concat": "partial"})
    append(client, url, 0, b"12345")
    concat = {**TUS, "Upload-Concat": f"final;{url}"}
    fail_calls(harness.multipart, method)

    assert client.post(PATH, headers=concat).status_code == 503
    begun = {item["id"] for item in client.get("/api/uploads").json()["items"]}
    assert url.rpartition("/")[2] in begun, "its bytes are needed"

    answer = client.post(PATH, headers=concat)
    upload, body = stored(harness, answer.headers["Location"])
    assert (upload.id in begun, body) == (True, b"12345")
    assert [item["id"] for item in client.get("/api/uploads").json()["items"]] == [upload.id]


def test_a_join_whose_answer_was_lost_is_answered_again(
    client: Client, harness: UploadHarness
) -> None:
    """tus-js-client repeats the request, and by then the partial uploads are gone."""
    url = create(client, 5, **{"Upload-Concat": "partial"})
    append(client, url, 0, b"12345")
    concat = {**TUS, "Upload-Concat": f"final;{url}", "Upload-Metadata": encode(filename="a")}
    first = client.post(PATH, headers=concat)

    again = client.post(PATH, headers=concat)

    assert again.status_code == 201
    assert again.headers["Location"] == first.headers["Location"]
    assert stored(harness, again.headers["Location"])[1] == b"12345"
    other = {**concat, "Upload-Metadata": encode(filename="another")}
    assert client.post(PATH, headers=other).status_code == 404


def test_a_join_that_is_done_is_not_done_again(client: Client, harness: UploadHarness) -> None:
    """The first request may have failed after the join, before the partial uploads were removed."""
    url = create(client, 5, **{"Upload-Concat": "partial"})
    append(client, url, 0, b"12345")
    concat = {**TUS, "Upload-Concat": f"final;{url}"}
    fail_calls(harness.uploads, "remove")
    assert client.post(PATH, headers=concat).status_code == 503
    stored_parts = record_calls(harness.multipart, "put_part", "copy_part")

    assert client.post(PATH, headers=concat).status_code == 201
    assert not stored_parts


def test_only_a_few_joins_of_an_address_read_their_uploads_at_once(
    client: Client, harness: UploadHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A join reads up to a hundred uploads, and two hundred joins kept everybody waiting."""
    url = create(client, 5, **{"Upload-Concat": "partial"})
    append(client, url, 0, b"12345")
    get, may_end, reading = harness.uploads.get, Event(), list[str]()

    def read(upload_id: str, owner: str | None = None) -> Upload:
        reading.append(upload_id)
        assert may_end.wait(10)
        return get(upload_id, owner)

    monkeypatch.setattr(harness.uploads, "get", read)
    headers = {**TUS, "Upload-Concat": f"final;{url} {PATH}/upl_{'a' * 22}"}
    with ThreadPoolExecutor(2 * COSTLY_AT_ONCE) as pool:
        answers = [
            pool.submit(client.post, PATH, headers=headers) for _ in range(2 * COSTLY_AT_ONCE)
        ]
        eventually(lambda: len(reading) == COSTLY_AT_ONCE)
        new = client.post("/api/uploads", json={"filename": "a.wav", "size": 5})
        assert new.status_code == 201
        assert len(reading) == COSTLY_AT_ONCE
        may_end.set()

    assert {answer.result().status_code for answer in answers} == {404}


@pytest.mark.parametrize("origin", ["", "https://tinypixo.example"])
def test_an_upload_is_not_joined_with_itself(
    client: Client, harness: UploadHarness, origin: str
) -> None:
    """A hundred names of one upload of 5 MiB made the service copy 500 MiB."""
    url = create(client, 5, **{"Upload-Concat": "partial"})
    append(client, url, 0, b"12345")
    read = record_calls(harness.uploads, "get")

    answer = client.post(PATH, headers={**TUS, "Upload-Concat": f"final;{url} {origin}{url}"})

    problem(answer, 400, "tus_request_invalid")
    assert read == []
    assert [item.id for item in harness.table.all()] == [url.rpartition("/")[2]]


@pytest.mark.parametrize("is_item_gone", [True, False])
def test_who_joins_again_what_is_gone_is_told_to_send_the_file_again(
    client: Client, harness: UploadHarness, is_item_gone: bool
) -> None:
    url = create(client, 5, **{"Upload-Concat": "partial"})
    append(client, url, 0, b"12345")
    concat = {**TUS, "Upload-Concat": f"final;{url}"}
    fail_calls(harness.multipart, "complete")
    assert client.post(PATH, headers=concat).status_code == 503
    if is_item_gone:
        client.delete(url, headers=TUS)
    else:
        harness.objects.delete([source_key(url.rpartition("/")[2])])

    answer = client.post(PATH, headers=concat)

    assert (answer.status_code, answer.json()["code"]) == (404, "upload_not_found")
    assert answer.json()["detail"] == "A partial upload is gone. Upload the file again."


def test_joins_of_the_same_uploads_at_once_make_one_upload(
    client: Client, harness: UploadHarness
) -> None:
    urls = [create(client, 5, **{"Upload-Concat": "partial"}) for _ in range(3)]
    for url in urls:
        append(client, url, 0, b"12345")
    concat = {**TUS, "Upload-Concat": f"final;{' '.join(urls)}"}

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: client.post(PATH, headers=concat), range(6)))

    assert {answer.status_code for answer in answers} == {201}
    [location] = {answer.headers["Location"] for answer in answers}
    assert stored(harness, location)[1] == b"12345" * 3
