"""Requests that are refused with a code, and leave the state unchanged."""

import pytest

from tests.system.client import Client, ok, problem

pytestmark = pytest.mark.stack


def test_text_file_named_mp3_fails_as_not_audio(client: Client) -> None:
    upload = client.upload(b"These are words, not music.\n" * 500, "song.mp3", {"format": "wav"})

    conversion = client.until_ended(upload["conversions"][0])

    assert conversion["status"] == "failed"
    assert conversion["error"]["code"] == "not_audio"
    assert "ffmpeg" not in conversion["error"]["detail"].lower()
    problem(client.http.get(f"/api/conversions/{conversion['id']}/download"), 409, "not_ready")


def test_part_of_wrong_size_is_refused_and_upload_continues(client: Client, wav: bytes) -> None:
    upload = client.create(wav, "song.wav")
    client.send(upload, wav, 1)

    problem(
        client.http.put(f"/api/uploads/{upload['id']}/parts/2", content=b"short"),
        422,
        "part_size_mismatch",
    )

    assert ok(client.http.get(f"/api/uploads/{upload['id']}"))["completed_parts"] == [1]
    client.send(upload, wav, 2, 3)
    assert client.complete(upload)["status"] == "uploaded"


def test_reported_part_that_is_not_in_s3_is_refused(client: Client, wav: bytes) -> None:
    upload = client.create(wav, "song.wav")

    problem(
        client.http.post(f"/api/uploads/{upload['id']}/parts/1", json={}), 422, "part_size_mismatch"
    )

    assert ok(client.http.get(f"/api/uploads/{upload['id']}"))["completed_parts"] == []


def test_early_completion_lists_the_missing_parts(client: Client, wav: bytes) -> None:
    upload = client.create(wav, "song.wav")
    client.send(upload, wav, 2)

    found = problem(
        client.http.post(f"/api/uploads/{upload['id']}/complete", json={}), 409, "upload_incomplete"
    )

    assert found["missing_parts"] == [1, 3]


def test_completion_is_idempotent(client: Client, short: bytes) -> None:
    upload = client.upload(short, "short.wav")

    again = client.complete(upload)

    assert again["status"] == "uploaded"
    problem(
        client.http.put(f"/api/uploads/{upload['id']}/parts/1", content=short), 409, "upload_closed"
    )


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"filename": "a.mp3", "size": 0}, 422, "file_empty"),
        ({"filename": "a.mp3", "size": 6 * 1024**3}, 413, "file_too_large"),
        ({"filename": "\u202e \x00", "size": 1}, 422, "filename_invalid"),
        ({"filename": "x" * 300, "size": 1}, 422, "filename_invalid"),
        ({"filename": "a.mp3", "size": 1, "convert": {"format": "exe"}}, 422, "format_unsupported"),
        (
            {"filename": "a.mp3", "size": 1, "convert": {"format": "mp3", "bitrate": "1k"}},
            422,
            "option_invalid",
        ),
        (
            {"filename": "a.mp3", "size": 1, "convert": [{"format": "mp3"}] * 9},
            422,
            "validation_failed",
        ),
        ({"filename": "a.mp3", "size": 1, "colour": "red"}, 422, "validation_failed"),
        ({"filename": "a.mp3", "size": "many"}, 422, "validation_failed"),
        ({"size": 1}, 422, "validation_failed"),
    ],
)
def test_invalid_upload_is_refused_with_its_code(
    client: Client, body: dict[str, object], status: int, code: str
) -> None:
    found = problem(client.http.post("/api/uploads", json=body), status, code)

    if code == "validation_failed":
        assert all({"field", "message"} == error.keys() for error in found["errors"])
    assert ok(client.http.get("/api/uploads"))["items"] == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'"text"', b"null"])
def test_body_that_is_no_json_object_is_refused(client: Client, content: bytes) -> None:
    answer = client.http.post(
        "/api/uploads", content=content, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_foreign_ids_answer_as_unknown_ids(stack_url: str, short: bytes) -> None:
    with Client(stack_url) as owner, Client(stack_url) as stranger:
        upload = owner.upload(short, "short.wav", {"format": "mp3"})
        conversion_id = upload["conversions"][0]
        owner.until_ended(conversion_id)
        unknown = {upload["id"]: "upl_" + "A" * 22, conversion_id: "cnv_" + "A" * 22}
        calls = [
            ("GET", "/api/uploads/{}", upload["id"]),
            ("POST", "/api/uploads/{}/complete", upload["id"]),
            ("POST", "/api/uploads/{}/parts/1", upload["id"]),
            ("DELETE", "/api/uploads/{}", upload["id"]),
            ("GET", "/api/conversions/{}", conversion_id),
            ("GET", "/api/conversions/{}/download", conversion_id),
            ("POST", "/api/conversions/{}/cancel", conversion_id),
            ("DELETE", "/api/conversions/{}", conversion_id),
            ("GET", "/api/progress/{}", upload["id"]),
            ("GET", "/api/progress/{}/events", conversion_id),
        ]
        for method, path, item_id in calls:
            foreign = stranger.http.request(method, path.format(item_id))
            nobodys = stranger.http.request(method, path.format(unknown[item_id]))
            assert foreign.status_code == nobodys.status_code == 404, (method, path)
            assert foreign.json() == nobodys.json(), (method, path)
        assert ok(owner.http.get(f"/api/uploads/{upload['id']}"))["status"] == "uploaded"


@pytest.mark.parametrize(
    "hostile", ["..%2f..", "%00", "upl_", "cnv_" + "x" * 500, "null", "ü", "upl_'; DROP"]
)
def test_hostile_ids_are_not_found(client: Client, hostile: str) -> None:
    for path in (
        f"/api/uploads/{hostile}",
        f"/api/conversions/{hostile}",
        f"/api/progress/{hostile}",
    ):
        answer = client.http.get(path)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"


def test_forged_token_is_refused(client: Client) -> None:
    problem(
        client.http.get("/api/uploads", headers={"Authorization": "Bearer Zm9yZ2Vk"}),
        401,
        "session_invalid",
    )


def test_download_keeps_a_sanitised_original_name(client: Client, short: bytes) -> None:
    name = 'Ein "Lied"; ünd\tmehr.final.wav'
    upload = client.upload(short, name, {"format": "mp3"})
    client.until_ended(upload["conversions"][0])

    answer = client.http.get(
        f"/api/conversions/{upload['conversions'][0]}/download", follow_redirects=True
    )

    disposition = answer.headers["content-disposition"]
    assert disposition.startswith("attachment")
    assert "Ein%20_Lied__%20%C3%BCndmehr.final.mp3" in disposition
    assert answer.headers["content-type"] == "audio/mpeg"


def test_deleting_an_upload_deletes_its_conversions(client: Client, short: bytes) -> None:
    upload = client.upload(short, "short.wav", {"format": "mp3"})
    client.until_ended(upload["conversions"][0])

    assert client.http.delete(f"/api/uploads/{upload['id']}").status_code == 204

    problem(client.http.delete(f"/api/uploads/{upload['id']}"), 404, "upload_not_found")
    problem(
        client.http.get(f"/api/conversions/{upload['conversions'][0]}"), 404, "conversion_not_found"
    )


def test_same_idempotency_key_creates_one_conversion(client: Client, short: bytes) -> None:
    upload = client.upload(short, "short.wav")
    key = {"Idempotency-Key": "once"}
    request = {"upload_id": upload["id"], "format": "mp3"}

    first = ok(client.http.post("/api/conversions", json=request, headers=key), 202)
    second = ok(client.http.post("/api/conversions", json=request, headers=key), 202)

    assert first["id"] == second["id"]
    other = client.http.post("/api/conversions", json={**request, "format": "wav"}, headers=key)
    problem(other, 422, "idempotency_key_reused")


def test_cancelled_conversion_stays_cancelled(client: Client, wav: bytes) -> None:
    upload = client.upload(wav, "song.wav")
    conversion = client.convert(upload["id"], format="ogg", quality=10)

    cancelled = ok(client.http.post(f"/api/conversions/{conversion['id']}/cancel", json={}), 202)

    assert cancelled["status"] == "cancelled"
    assert client.until_ended(conversion["id"])["status"] == "cancelled"
    problem(client.http.get(f"/api/conversions/{conversion['id']}/download"), 409, "not_ready")
