"""Create an upload twice with one Idempotency-Key: it exists once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from libs.core.domain.formats import ConversionRequest
from libs.core.domain.uploads import Upload
from services.upload.start_upload import NewUpload
from tests.upload.support import BODY, OWNER, Client, UploadHarness, problem

REQUEST = {"filename": "song.wav", "size": len(BODY), "convert": {"format": "mp3"}}
KEY = {"Idempotency-Key": "once"}


def test_the_same_key_and_request_give_the_same_upload(client: Client) -> None:
    first = client.post("/api/uploads", json=REQUEST, headers=KEY)
    second = client.post("/api/uploads", json=REQUEST, headers=KEY)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert first.headers["location"] == second.headers["location"]
    assert len(client.get("/api/uploads").json()["items"]) == 1


def test_a_repetition_shows_the_upload_as_it_is_now(client: Client) -> None:
    upload = client.post("/api/uploads", json=REQUEST, headers=KEY).json()
    client.put(f"/api/uploads/{upload['id']}/parts/1", content=BODY)
    client.post(f"/api/uploads/{upload['id']}/complete", json={})

    assert client.post("/api/uploads", json=REQUEST, headers=KEY).json()["status"] == "uploaded"


@pytest.mark.parametrize(
    "change",
    [
        {"filename": "other.wav"},
        {"size": 1},
        {"content_type": "audio/wav"},
        {"convert": {"format": "flac"}},
        {"convert": [{"format": "mp3"}, {"format": "flac"}]},
        {"convert": {"format": "mp3", "bitrate": "64k"}},
    ],
)
def test_the_same_key_with_another_request_is_refused(
    client: Client, change: dict[str, object]
) -> None:
    first = client.post("/api/uploads", json=REQUEST, headers=KEY).json()

    answer = client.post("/api/uploads", json=REQUEST | change, headers=KEY)

    problem(answer, 422, "idempotency_key_reused")
    assert [item["id"] for item in client.get("/api/uploads").json()["items"]] == [first["id"]]


def test_a_key_belongs_to_its_session(client: Client) -> None:
    mine = client.post("/api/uploads", json=REQUEST, headers=KEY).json()
    client.cookies.clear()

    assert client.post("/api/uploads", json=REQUEST, headers=KEY).json()["id"] != mine["id"]


def test_the_key_of_a_deleted_upload_is_free_again(client: Client) -> None:
    first = client.post("/api/uploads", json=REQUEST, headers=KEY).json()
    client.delete(f"/api/uploads/{first['id']}")

    again = client.post("/api/uploads", json=REQUEST | {"size": 1}, headers=KEY)

    assert (again.status_code, again.json()["size"]) == (201, 1)


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_has_1_to_255_characters(client: Client, key: str) -> None:
    answer = client.post("/api/uploads", json=REQUEST, headers={"Idempotency-Key": key})

    problem(answer, 422, "validation_failed")


def test_fifty_requests_at_once_make_one_upload(harness: UploadHarness) -> None:
    def start(_: int) -> Upload:
        wanted = [ConversionRequest("mp3")]
        return harness.start(
            NewUpload(OWNER, "a.wav", 12, "audio/wav", wanted, idempotency_key="once")
        )

    with ThreadPoolExecutor(50) as pool:
        made = list(pool.map(start, range(50)))

    assert {upload.multipart_id for upload in made} == {made[0].multipart_id}
    assert len(harness.uploads.list(OWNER, 100).items) == 1
    assert len(harness.conversions.list(OWNER, 100).items) == 1
    # Those that lost the race leave no multipart upload behind.
    assert [each.multipart_id for each in harness.multipart.list_open("")] == [made[0].multipart_id]
