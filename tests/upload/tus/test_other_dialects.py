"""Test that the calls for parts do not touch uploads that are sent by tus or as a form."""

from libs.core.domain.uploads import upload_id_of
from tests.upload.support import UploadHarness, problem
from tests.upload.tus.support import PART, Client, append, create, offset_of, stored

BODY = b"a" * PART + b"b" * PART + b"the end"


def parts_calls(client: Client, upload_id: str, number: int) -> dict[str, int]:
    """Return the statuses of all calls that send, sign or report a part."""
    url = f"/api/uploads/{upload_id}/parts"
    answers = {
        "sign": client.post(f"{url}/sign", json={"part_numbers": [number]}),
        "put": client.put(f"{url}/{number}", content=b"x" * PART),
        "report": client.post(f"{url}/{number}", json={}),
        "report several": client.post(url, json={"part_numbers": [number]}),
    }
    for answer in answers.values():
        assert answer.json()["code"] == "upload_closed", answer.text
    return {name: answer.status_code for name, answer in answers.items()}


def test_a_part_cannot_be_put_among_the_bytes_of_tus(
    client: Client, harness: UploadHarness
) -> None:
    url = create(client, len(BODY))
    upload_id = url.rpartition("/")[2]
    append(client, url, 0, BODY[: PART + 3])

    assert set(parts_calls(client, upload_id, 2).values()) == {409}
    over = client.put(f"/api/uploads/{upload_id}/parts/1", content=b"x" * PART)
    problem(over, 409, "upload_closed")
    incomplete = client.post(f"/api/uploads/{upload_id}/complete", json={})
    problem(incomplete, 409, "upload_incomplete")

    assert offset_of(client, url) == PART + 3
    append(client, url, PART + 3, BODY[PART + 3 :])
    assert stored(harness, url)[1] == BODY


def test_a_form_takes_no_parts_and_is_incomplete_until_it_is_posted(client: Client) -> None:
    form = client.get("/api/uploads/s3/params", params={"filename": "a.wav"}).json()
    upload_id = upload_id_of(form["fields"]["key"]) or ""

    assert set(parts_calls(client, upload_id, 1).values()) == {409}
    incomplete = client.post(f"/api/uploads/{upload_id}/complete", json={})
    problem(incomplete, 409, "upload_incomplete")
    assert client.get(f"/api/uploads/{upload_id}").json()["status"] == "uploading"
