"""Test the routes of conversions: status codes, problem documents and headers."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from libs.core.domain.formats import FORMATS
from libs.core.domain.uploads import Upload
from libs.core.ports.conversions import ConversionPage
from services.conversion.app import create_app
from services.conversion.container import ConversionContainer
from tests.conversion.application import a_container, use_environment
from tests.conversion.support import RESULT, ConversionEnvironment, FakeEngine, ignore_heartbeat
from tests.fakes import an_upload
from tests.fault_injection import eventually, fail_calls

Client = TestClient[Any]
Json = dict[str, Any]


@pytest.fixture(scope="module")
def container() -> ConversionContainer:
    return a_container(slots=0)


@pytest.fixture(scope="module")
def app(container: ConversionContainer) -> Litestar:
    return create_app(container)


@pytest.fixture
def client(
    app: Litestar, container: ConversionContainer, env: ConversionEnvironment
) -> Iterator[Client]:
    use_environment(container, env)
    with TestClient(app) as client:
        yield client


@pytest.fixture
def owner(client: Client, env: ConversionEnvironment, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the owner that the service knows the client by."""
    seen: list[str] = []

    def listing(owner: str, *_: object) -> ConversionPage:
        seen.append(owner)
        return ConversionPage([], None)

    with monkeypatch.context() as patch:
        patch.setattr(env.conversions, "list", listing)
        client.get("/api/conversions")
    return seen[0]


@pytest.fixture
def upload(env: ConversionEnvironment, owner: str) -> Upload:
    """Return an upload of the client that is complete."""
    begun = an_upload(owner, env.clock(), size=30)
    env.uploads.create(begun, [])
    env.objects.put(begun.key, b"a song of twelve bytes, nearly", "audio/wav", {})
    return env.uploads.mark_uploaded(begun.id)


def problem(answer: Any, status: int, code: str) -> Json:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: Json = answer.json()
    assert found["code"] == code
    return found


def ask(
    client: Client, upload: Upload, headers: dict[str, str] | None = None, **request: Any
) -> Any:
    return client.post(
        "/api/conversions",
        json={"upload_id": upload.id, "format": "mp3", **request},
        headers=headers,
    )


def completed(client: Client, env: ConversionEnvironment, upload: Upload) -> str:
    conversion_id: str = ask(client, upload).json()["id"]
    env.runner(FakeEngine())(conversion_id, ignore_heartbeat)
    return conversion_id


def test_a_new_conversion_has_a_location_and_a_place_in_the_queue(
    client: Client, upload: Upload
) -> None:
    answer = ask(client, upload, bitrate="192k", start=1.5)

    assert answer.status_code == 202
    made = answer.json()
    assert answer.headers["location"] == f"/api/conversions/{made['id']}"
    assert (
        made["status"],
        made["phase"],
        made["percent"],
        made["queue_position"],
        made["attempts"],
    ) == ("queued", "queued", 0.0, 1, 0)
    assert (made["upload_id"], made["format"], made["options"]) == (
        upload.id,
        "mp3",
        {"bitrate": "192k", "start": 1.5},
    )
    assert client.get(answer.headers["location"]).json() == made
    assert not {"worker", "lease_until", "owner", "request_digest", "output_upload"} & made.keys()


@pytest.mark.parametrize(
    ("request_body", "code"),
    [
        ({"format": "exe"}, "format_unsupported"),
        ({"bitrate": "1k"}, "option_invalid"),
        ({"quality": 2, "bitrate": "64k"}, "option_invalid"),
        ({"start": 5, "end": 4}, "option_invalid"),
        ({"fade_in": 0}, "option_invalid"),
        ({"fade_out": -1}, "option_invalid"),
        ({"fade_in": 601}, "option_invalid"),
        ({"start": 1, "end": 4, "fade_in": 2, "fade_out": 2}, "option_invalid"),
        ({"start": -1}, "validation_failed"),
        ({"surprise": 1}, "validation_failed"),
        ({"upload_id": None}, "validation_failed"),
        ({"filename": "\u200b"}, "filename_invalid"),
    ],
)
def test_what_cannot_be_made_is_refused_with_its_code(
    client: Client, upload: Upload, request_body: Json, code: str
) -> None:
    problem(ask(client, upload, **request_body), 422, code)
    assert client.get("/api/conversions").json()["items"] == []


def test_fades_are_shown_as_they_were_asked_for(client: Client, upload: Upload) -> None:
    asked = {"fade_in": 0.5, "fade_out": 3, "start": 10}
    made = client.post("/api/conversions", json={"upload_id": upload.id, "format": "mp3", **asked})
    assert made.status_code == 202
    assert made.json()["options"] == asked


def test_fades_that_do_not_fit_are_told_why(client: Client, upload: Upload) -> None:
    asked = {"upload_id": upload.id, "format": "mp3", "end": 4, "fade_out": 5}
    problem = client.post("/api/conversions", json=asked).json()
    assert problem["detail"] == "The fades take 5 seconds, but start to end is only 4 seconds."
    assert (problem["option"], problem["allowed"]) == ("fade_out", ["at most 4"])


def test_an_upload_that_is_not_ours_is_not_found(
    client: Client, env: ConversionEnvironment
) -> None:
    foreign, _ = env.start_upload("somebody else")

    problem(ask(client, foreign), 404, "upload_not_found")


def test_an_idempotency_key_makes_a_repeated_request_harmless(
    client: Client, upload: Upload
) -> None:
    key = {"Idempotency-Key": "once"}

    assert ask(client, upload, key).json() == ask(client, upload, key).json()
    problem(ask(client, upload, key, bitrate="64k"), 422, "idempotency_key_reused")
    problem(ask(client, upload, {"Idempotency-Key": "x" * 256}), 422, "validation_failed")
    assert len(client.get("/api/conversions").json()["items"]) == 1


def test_a_download_leads_to_the_bytes_or_describes_them(
    client: Client, env: ConversionEnvironment, upload: Upload
) -> None:
    conversion_id = completed(client, env, upload)
    path = f"/api/conversions/{conversion_id}/download"

    led = client.get(path, follow_redirects=False)
    told = client.get(path, headers={"Accept": "application/json"})

    assert led.status_code == 303
    assert "disposition=attachment" in led.headers["location"]
    assert (
        "disposition=inline"
        in client.get(f"{path}?inline=1", follow_redirects=False).headers["location"]
    )
    assert led.headers["cache-control"] == told.headers["cache-control"] == "no-store"
    assert told.json().keys() == {"url", "filename", "media_type", "size", "expires_at"}
    assert (told.json()["filename"], told.json()["size"]) == ("Für Elise.mp3", len(RESULT))


def test_a_download_that_cannot_be_says_why(
    client: Client, env: ConversionEnvironment, upload: Upload
) -> None:
    waiting = ask(client, upload).json()["id"]
    problem(client.get(f"/api/conversions/{waiting}/download"), 409, "not_ready")

    lost = completed(client, env, upload)
    env.bucket.objects.clear()
    problem(client.get(f"/api/conversions/{lost}/download"), 410, "gone")


def test_cancelling_and_deleting(
    client: Client, env: ConversionEnvironment, upload: Upload
) -> None:
    conversion_id = ask(client, upload).json()["id"]

    cancelled = client.post(f"/api/conversions/{conversion_id}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (202, "cancelled")
    problem(
        client.post(f"/api/conversions/{completed(client, env, upload)}/cancel"),
        409,
        "conversion_finished",
    )
    assert client.delete(f"/api/conversions/{conversion_id}").status_code == 204
    problem(client.delete(f"/api/conversions/{conversion_id}"), 404, "conversion_not_found")


def test_a_finished_conversion_tells_what_it_was_made_of_and_what_it_is(
    client: Client, env: ConversionEnvironment, upload: Upload
) -> None:
    shown = client.get(f"/api/conversions/{completed(client, env, upload)}").json()

    assert (shown["status"], shown["phase"], shown["percent"], shown["attempts"]) == (
        "completed",
        "done",
        100.0,
        1,
    )
    assert shown["source"]["codec"] == "pcm_s16le"
    assert shown["output"].keys() == {"filename", "size", "media_type", "duration", "sha256"}
    assert {"started_at", "finished_at"} <= shown.keys()


def test_the_formats_are_those_that_can_be_made(client: Client) -> None:
    formats = {each["format"]: each for each in client.get("/api/formats").json()["formats"]}

    assert list(formats) == list(FORMATS)
    assert formats["mp3"]["options"]["quality"] == {"min": 0, "max": 9, "default": 2, "best": 0}
    assert "bit_depth" not in formats["mp3"]["options"]
    assert "bitrate" not in formats["wav"]["options"]


def test_an_unavailable_table_is_answered_with_when_to_retry(
    client: Client, env: ConversionEnvironment
) -> None:
    fail_calls(env.conversions, "get")

    answer = client.get("/api/conversions/cnv_" + "A" * 22)

    problem(answer, 503, "storage_unavailable")
    assert answer.headers["retry-after"] == "2"


def test_the_worker_lives_as_long_as_the_app(
    env: ConversionEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.conversion.worker.loop.LONG_POLL", 0.05)
    conversion = env.add_queued()

    container = a_container(slots=1)
    use_environment(container, env)

    with TestClient(create_app(container)):
        eventually(lambda: env.current(conversion).status == "completed")

    later = env.add_queued()
    assert env.choose_next() == later


@pytest.mark.parametrize("upload_id", ["", " ", "x" * 3_000, "\x00", "cnv_" + "A" * 22, "é"])
def test_an_upload_id_of_any_text_is_not_found(client: Client, upload_id: str) -> None:
    answer = client.post("/api/conversions", json={"upload_id": upload_id, "format": "mp3"})

    problem(answer, 404, "upload_not_found")


def test_schema_is_an_id_like_any_other(client: Client) -> None:
    for path in ("/api/conversions/schema", "/api/conversions/schema/download"):
        problem(client.get(path), 404, "conversion_not_found")


@pytest.mark.parametrize(
    ("option", "value"), [("start", 1e126), ("start", 1e15), ("end", 1e126), ("end", 1e-6)]
)
def test_a_time_that_no_sound_has_is_refused(
    client: Client, env: ConversionEnvironment, upload: Upload, option: str, value: float
) -> None:
    found = problem(ask(client, upload, None, **{option: value}), 422, "option_invalid")

    assert found["option"] == option
    assert env.uploads.get(upload.id).conversions == ()
