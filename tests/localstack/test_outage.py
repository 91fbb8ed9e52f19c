"""Test an outage of AWS, by `docker pause` of LocalStack."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import httpx
import pytest

from deploy.local.stack import EmbeddedStack
from tests.localstack.container import LocalStack
from tests.system.client import Client, Json, ok, problem

pytestmark = pytest.mark.localstack

ANSWER_SECONDS = 10.0
"""Seconds until a client gets 503: three attempts of two seconds and the backoff between."""

RECOVERY_SECONDS = 30.0
"""Seconds after the outage until everything works again."""

LEASE = 15.0
"""Seconds until a lease expires; a longer outage ends the attempt."""


@contextmanager
def outage(localstack: LocalStack) -> Iterator[None]:
    localstack.pause()
    try:
        yield
    finally:
        localstack.unpause()


def until(true: Callable[[], bool], seconds: float = RECOVERY_SECONDS) -> float:
    """Wait until the condition is true, and return the seconds that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.1)
    return time.monotonic() - began


def answers(client: Client, path: str) -> bool:
    return client.http.get(path).status_code == 200


def is_ready(stack: EmbeddedStack, service: str) -> bool:
    return (
        httpx.get(f"http://127.0.0.1:{stack.ports[service]}/health/ready", timeout=15).status_code
        == 200
    )


@pytest.fixture
def upload(client: Client, short: bytes) -> Json:
    uploaded = client.upload(short, "short.wav", {"format": "mp3"})
    client.until_ended(uploaded["conversions"][0])
    return uploaded


def test_requests_get_503_during_an_outage_and_work_after_it(
    client: Client, localstack: LocalStack, upload: Json
) -> None:
    conversion_id = upload["conversions"][0]
    reads = [
        f"/api/uploads/{upload['id']}",
        "/api/uploads",
        f"/api/conversions/{conversion_id}",
        "/api/conversions",
        f"/api/progress/{conversion_id}",
    ]
    writes: list[tuple[str, Json]] = [
        ("/api/uploads", {"filename": "a.wav", "size": 5}),
        ("/api/conversions", {"upload_id": upload["id"], "format": "wav"}),
        (f"/api/conversions/{conversion_id}/cancel", {}),
    ]
    with outage(localstack):
        calls: list[Callable[[], httpx.Response]] = [
            *(partial(client.http.get, path) for path in reads),
            *(partial(client.http.post, path, json=body) for path, body in writes),
        ]
        began = time.monotonic()
        with ThreadPoolExecutor(len(calls)) as pool:
            given = list(pool.map(lambda call: (call(), time.monotonic() - began), calls))
        for answer, seconds in given:
            told = problem(answer, 503, "storage_unavailable")
            assert seconds < ANSWER_SECONDS, answer.request.url
            assert int(answer.headers["retry-after"]) > 0
            assert "try again" in told["detail"]

    for path in reads:
        until(partial(answers, client, path))


@pytest.mark.parametrize("service", ["upload", "conversion", "progress", "janitor"])
def test_service_is_live_but_not_ready_during_an_outage(
    stack: EmbeddedStack, localstack: LocalStack, service: str
) -> None:
    base = f"http://127.0.0.1:{stack.ports[service]}"
    with outage(localstack):
        assert httpx.get(f"{base}/health/live").status_code == 200
        began = time.monotonic()
        answer = httpx.get(f"{base}/health/ready", timeout=15)
        assert time.monotonic() - began < 5
        assert "DynamoDB" in problem(answer, 503, "not_ready")["unreachable"]

    until(lambda: is_ready(stack, service))
    assert stack.processes[service].poll() is None


def test_polling_gets_200_or_503_and_recovers(
    client: Client, localstack: LocalStack, upload: Json
) -> None:
    path = f"/api/progress/{upload['conversions'][0]}"
    stop, seen = threading.Event(), []

    def poll() -> None:
        while not stop.is_set():
            answer = client.http.get(path)
            seen.append((time.monotonic(), answer.status_code))

    polling = threading.Thread(target=poll)
    polling.start()
    until(lambda: len(seen) > 2)
    with outage(localstack):
        until(lambda: 503 in [status for _, status in seen])
    back = time.monotonic()
    until(lambda: seen[-1][0] > back and seen[-1][1] == 200)
    stop.set()
    polling.join()

    assert {status for _, status in seen} == {200, 503}


@pytest.mark.parametrize("seconds", [2.0, LEASE + 5])
def test_conversion_completes_after_an_outage(
    client: Client, localstack: LocalStack, stack: EmbeddedStack, long: bytes, seconds: float
) -> None:
    upload = client.upload(long, "long.wav")
    conversion = client.convert(upload["id"], format="opus")
    until(lambda: client.conversion(conversion["id"])["percent"] > 0, 60)

    with outage(localstack):
        time.sleep(seconds)  # the length of the outage is what is tested
    until(lambda: answers(client, f"/api/conversions/{conversion['id']}"))
    ended = client.until_ended(conversion["id"])

    assert ended["status"] == "completed", ended
    assert ended["output"]["duration"] == pytest.approx(240, abs=0.1)
    assert client.download(conversion["id"])
    assert stack.processes["conversion"].poll() is None


def test_event_stream_reports_the_end_after_an_outage(
    client: Client, localstack: LocalStack, long: bytes
) -> None:
    upload = client.upload(long, "long.wav")
    conversion = client.convert(upload["id"], format="flac")
    watched: list[Json] = []
    watching = threading.Thread(target=lambda: watched.extend(client.follow(conversion["id"])))
    watching.start()
    until(lambda: ok(client.http.get(f"/api/progress/{conversion['id']}"))["percent"] > 0, 60)

    with outage(localstack):
        time.sleep(3)  # the length of the outage is what is tested
    watching.join(120)

    assert watched[-1]["status"] == "completed"
    assert [step["version"] for step in watched] == sorted({step["version"] for step in watched})


def test_part_that_failed_in_an_outage_can_be_sent_again(
    client: Client, localstack: LocalStack, short: bytes
) -> None:
    upload = client.create(short, "short.wav", {"format": "mp3"})
    with outage(localstack):
        problem(
            client.http.put(f"/api/uploads/{upload['id']}/parts/1", content=short),
            503,
            "storage_unavailable",
        )
    until(lambda: answers(client, f"/api/uploads/{upload['id']}"))

    client.send(upload, short)
    client.complete(upload)

    assert client.until_ended(upload["conversions"][0])["status"] == "completed"
