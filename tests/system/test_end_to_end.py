"""Test uploads, conversions and downloads from end to end."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from libs.core.domain.formats import FORMATS, find_format
from tests.audio import decoded_seconds
from tests.system.client import Client, Json, ok

pytestmark = pytest.mark.stack

SECONDS = 65.0


def test_upload_with_conversion_request_is_converted_and_downloads(
    client: Client, wav: bytes, saved: Path
) -> None:
    upload = client.create(wav, "Grüße.wav", {"format": "mp3", "bitrate": "128k"})
    sent = client.send(upload, wav)
    assert (sent["percent"], sent["completed_parts"]) == (100.0, [1, 2, 3])
    assert client.complete(upload)["status"] == "uploaded"

    progress = client.follow(upload["conversions"][0])

    assert progress[-1]["status"] == "completed"
    assert progress[-1]["percent"] == 100
    percents = [step["percent"] for step in progress]
    assert percents == sorted(percents)
    assert len({step["version"] for step in progress}) == len(progress)
    saved.write_bytes(client.download(upload["conversions"][0]))
    assert decoded_seconds(saved) == pytest.approx(SECONDS, abs=0.05)


def test_every_format_has_the_duration_of_the_source(
    client: Client, wav: bytes, tmp_path: Path
) -> None:
    upload = client.upload(wav, "song.wav")
    asked_for = {name: client.convert(upload["id"], format=name)["id"] for name in FORMATS}

    for name, conversion_id in asked_for.items():
        conversion = client.until_ended(conversion_id)
        assert conversion["status"] == "completed", conversion
        extension = find_format(name).extension
        assert conversion["output"]["filename"] == f"song.{extension}"
        result = tmp_path / f"{name}.{extension}"
        result.write_bytes(client.download(conversion_id))
        assert len(result.read_bytes()) == conversion["output"]["size"]
        tolerance = 0.11 if name == "wma" else 0.05  # WMA does not say what is padding
        assert decoded_seconds(result) == pytest.approx(SECONDS, abs=tolerance), name


def test_conversion_requested_after_the_upload_completes(client: Client, short: bytes) -> None:
    upload = client.upload(short, "short.wav")

    conversion = client.convert(upload["id"], format="flac", bit_depth=24, sample_rate=48000)

    ended = client.until_ended(conversion["id"])
    assert ended["status"] == "completed", ended
    assert ended["source"]["sample_rate"] == 44100
    assert client.download(conversion["id"])[:4] == b"fLaC"
    assert conversion["id"] in ok(client.http.get(f"/api/uploads/{upload['id']}"))["conversions"]


def test_conversion_requested_early_waits_for_its_upload(client: Client, short: bytes) -> None:
    upload = client.create(short, "short.wav")
    conversion = client.convert(upload["id"], format="ogg")
    assert (conversion["status"], conversion["phase"]) == ("queued", "waiting")

    client.send(upload, short)
    client.complete(upload)

    assert client.until_ended(conversion["id"])["status"] == "completed"


def test_interrupted_upload_resumes_with_the_missing_parts(stack_url: str, wav: bytes) -> None:
    with Client(stack_url) as before:
        upload = before.create(wav, "song.wav", {"format": "mp3"})
        before.put_to_s3(upload, wav, 2)  # sent but not reported, as if the client had ended
        cookies = before.http.cookies

    with Client(stack_url) as after:
        after.http.cookies = cookies
        found = ok(after.http.get(f"/api/uploads/{upload['id']}"))
        assert found["completed_parts"] == [2]
        missing = [
            n for n in range(1, found["part_count"] + 1) if n not in found["completed_parts"]
        ]
        after.send(upload, wav, *missing)
        after.complete(upload)
        assert after.until_ended(upload["conversions"][0])["status"] == "completed"


def test_concurrent_sessions_see_only_their_own_items(stack_url: str, wav: bytes) -> None:
    def trip(client: Client) -> Json:
        return client.upload(wav, "song.wav", {"format": "opus"})

    with Client(stack_url) as anna, Client(stack_url) as ben, ThreadPoolExecutor(3) as pool:
        for one in (anna, ben):
            ok(one.http.get("/api/formats"))  # the first request starts the session
        running = [pool.submit(trip, client) for client in (anna, anna, ben)]
        first, second, third = (trip.result() for trip in running)
        for client, own in ((anna, [first, second]), (ben, [third])):
            listed = ok(client.http.get("/api/uploads"))["items"]
            assert {item["id"] for item in listed} == {upload["id"] for upload in own}
            for upload in own:
                ended = client.until_ended(upload["conversions"][0])
                assert ended["status"] == "completed", ended
                assert client.download(ended["id"])
            assert {item["id"] for item in ok(client.http.get("/api/conversions"))["items"]} == {
                u["conversions"][0] for u in own
            }


def test_bearer_token_identifies_a_session_like_the_cookie(stack_url: str, short: bytes) -> None:
    with Client(stack_url) as script, Client(stack_url) as other:
        token = ok(other.http.post("/api/session"), 201)["token"]
        script.http.headers["Authorization"] = f"Bearer {token}"
        upload = script.upload(short, "short.wav", {"format": "mp3"})
        assert not script.http.cookies
        assert script.until_ended(upload["conversions"][0])["status"] == "completed"
        assert other.http.get(f"/api/uploads/{upload['id']}").status_code == 404


def test_session_event_stream_covers_all_items_of_the_session(client: Client, short: bytes) -> None:
    upload = client.create(short, "short.wav", {"format": "mp3"})
    conversion_id = upload["conversions"][0]
    stream = client.events("/api/progress/events")
    assert {next(stream)[1]["id"], next(stream)[1]["id"]} == {upload["id"], conversion_id}

    client.send(upload, short)
    client.complete(upload)

    versions: dict[str, list[int]] = {upload["id"]: [], conversion_id: []}
    for _, data, event_id in stream:
        versions[data["id"]].append(data["version"])
        assert event_id == f"{data['id']}:{data['version']}"
        if data["id"] == conversion_id and data["status"] == "completed":
            break
    assert all(seen == sorted(set(seen)) for seen in versions.values())
