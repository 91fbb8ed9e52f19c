"""Test the limits of sessions and addresses over HTTP."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from libs.core.domain.quotas import DAY, HOUR, Resource
from libs.core.web import middleware
from services.upload.app import create_app
from services.upload.container import UploadContainer
from tests.fault_injection import fail_calls
from tests.upload.support import BODY, UploadHarness, create_container, problem
from tests.upload.visitor import Visitor

FACTOR = 2
SIZE = len(BODY)
LIMITS = {
    "uploads_per_hour": 4,
    "upload_bytes_per_hour": 3 * SIZE + SIZE // 2,
    "conversions_per_hour": 4,
    "conversions_per_day": 6,
    "urls_per_minute": 4,
    "sessions_per_hour": 4,
    "address_factor": FACTOR,
    "trusted_proxies": 1,
    "max_file_size": SIZE,
}
TUS = {"Tus-Resumable": "1.0.0"}
MP3 = {"format": "mp3"}


@pytest.fixture(scope="module")
def container() -> UploadContainer:
    return create_container(secure_cookies=False, **LIMITS)


@pytest.fixture(scope="module")
def app(container: UploadContainer) -> Litestar:
    return create_app(container)


Arrive = Callable[[str], Visitor]


@pytest.fixture
def arrive(app: Litestar, container: UploadContainer, harness: UploadHarness) -> Iterator[Arrive]:
    harness.override_adapters(container)
    with TestClient(app) as client:

        def arrive(address: str) -> Visitor:
            visitor = Visitor(client, address)
            assert visitor.begin_session().status_code == 201
            return visitor

        yield arrive


def refused(answer: Any, window: int = 3600) -> None:
    found = problem(answer, 429, "rate_limited")
    assert 1 <= found["retry_after"] <= window
    assert answer.headers["retry-after"] == str(found["retry_after"])


def create_tus(visitor: Visitor, **headers: str) -> Any:
    length = {} if "Upload-Defer-Length" in headers else {"Upload-Length": "1"}
    return visitor.ask("POST", "/api/uploads/tus", headers=TUS | length | headers)


CREATIONS: dict[str, Callable[[Visitor], Any]] = {
    "upload": lambda visitor: visitor.create(),
    "tus": create_tus,
    "multipart of Uppy": lambda visitor: visitor.ask(
        "POST", "/api/uploads/s3/multipart", json={"filename": "a"}
    ),
    "form of Uppy": lambda visitor: visitor.ask("GET", "/api/uploads/s3/params?filename=a"),
}


@pytest.mark.parametrize("kind", CREATIONS)
def test_a_session_begins_so_many_uploads(arrive: Arrive, kind: str) -> None:
    visitor, bystander = arrive("198.51.100.1"), arrive("198.51.100.1")

    statuses = [CREATIONS[kind](visitor).status_code for _ in range(4)]

    assert set(statuses) <= {200, 201}
    refused(CREATIONS[kind](visitor))
    assert CREATIONS[kind](bystander).status_code in (200, 201), "of the same address"


def test_nothing_is_created_by_a_refused_request(arrive: Arrive, harness: UploadHarness) -> None:
    visitor = arrive("198.51.100.1")
    for _ in range(5):
        visitor.create()

    assert len(visitor.ask("GET", "/api/uploads").json()["items"]) == 4
    assert len(harness.bucket.multiparts) == 4


def test_a_new_session_does_not_reset_the_limit_of_the_address(arrive: Arrive) -> None:
    visitor, bystander = arrive("198.51.100.1"), arrive("198.51.100.2")
    created = 0
    for _ in range(3):
        while (answer := visitor.create()).status_code == 201:
            created += 1
        visitor.begin_session()

    assert created == FACTOR * 4
    refused(answer)
    assert bystander.create().status_code == 201


def test_declared_bytes_are_limited(arrive: Arrive) -> None:
    visitor = arrive("198.51.100.1")
    assert [visitor.create(size=SIZE).status_code for _ in range(3)] == [201] * 3

    refused(visitor.create(size=SIZE))

    assert visitor.create(size=SIZE // 2).status_code == 201


def test_a_length_that_is_not_declared_counts_as_the_largest(arrive: Arrive) -> None:
    visitor = arrive("198.51.100.1")
    defer = {"Upload-Defer-Length": "1"}
    assert [create_tus(visitor, **defer).status_code for _ in range(3)] == [201] * 3

    refused(create_tus(visitor, **defer))


def test_a_file_that_is_too_large_is_not_a_matter_of_quotas(arrive: Arrive) -> None:
    visitor = arrive("198.51.100.1")

    for _ in range(5):
        problem(visitor.create(size=SIZE * 100), 413, "file_too_large")
        problem(visitor.create(filename=""), 422, "filename_invalid")

    assert visitor.create().status_code == 201


def test_conversions_of_new_uploads_are_limited(arrive: Arrive) -> None:
    visitor = arrive("198.51.100.1")
    assert visitor.create(convert=[MP3] * 3).status_code == 201

    refused(visitor.create(convert=[MP3] * 2))

    assert visitor.create(convert=[MP3]).status_code == 201


def test_a_day_limits_the_conversions_of_new_uploads(
    arrive: Arrive, harness: UploadHarness
) -> None:
    harness.clock.advance(DAY - harness.clock() % DAY)
    visitor = arrive("198.51.100.1")
    assert visitor.create(convert=[MP3] * 4).status_code == 201
    harness.clock.advance(HOUR)

    answer = visitor.create(convert=[MP3] * 3)

    refused(answer, window=DAY)
    assert int(answer.headers["retry-after"]) > HOUR
    assert visitor.create(convert=[MP3]).status_code == 201
    assert visitor.create().status_code == 201


def test_urls_are_limited_by_their_number(arrive: Arrive, harness: UploadHarness) -> None:
    visitor = arrive("198.51.100.1")
    path = f"/api/uploads/{visitor.create().json()['id']}/parts/sign"
    sign = {"json": {"part_numbers": [1]}}
    for _ in range(3):
        assert visitor.ask("POST", path, **sign).status_code == 200
        problem(visitor.ask("POST", path, json={"part_numbers": [99]}), 422, "part_number_invalid")
    assert visitor.ask("POST", path, **sign).status_code == 200

    refused(visitor.ask("POST", path, **sign), window=60)

    harness.clock.advance(60)
    assert visitor.ask("POST", path, **sign).status_code == 200


def test_urls_of_uppy_are_limited_by_their_number(arrive: Arrive) -> None:
    visitor = arrive("198.51.100.1")
    made = visitor.ask("POST", "/api/uploads/s3/multipart", json={"filename": "a"}).json()
    path = f"/api/uploads/s3/multipart/{made['uploadId']}"
    key = f"key={made['key']}"

    assert visitor.ask("GET", f"{path}/batch?partNumbers=1,1,1&{key}").status_code == 200
    assert visitor.ask("GET", f"{path}/1?{key}").status_code == 200
    refused(visitor.ask("GET", f"{path}/1?{key}"), window=60)


def test_an_address_begins_so_many_sessions(arrive: Arrive, harness: UploadHarness) -> None:
    visitor = arrive("198.51.100.1")
    assert [visitor.begin_session().status_code for _ in range(2)] == [201, 201]
    visitor._session.clear()
    assert visitor.create().status_code == 201, "begins the fourth, by cookie"

    refused(visitor.begin_session())
    refused(visitor.create())

    arrive("198.51.100.2")
    harness.clock.advance(3600)
    assert visitor.begin_session().status_code == 201


def test_revoking_sessions_counts_as_beginning_them(arrive: Arrive) -> None:
    visitor = arrive("198.51.100.1")
    assert visitor.ask("DELETE", "/api/session").status_code == 204
    visitor.begin_session()
    visitor.begin_session()

    refused(visitor.ask("DELETE", "/api/session"))
    assert arrive("198.51.100.2").ask("DELETE", "/api/session").status_code == 204


@pytest.mark.parametrize(("path", "status"), [("/api/uploads", 200), ("/api/uploads/upl_1", 404)])
def test_reading_without_a_cookie_uses_up_no_sessions(
    arrive: Arrive, path: str, status: int
) -> None:
    visitor = arrive("198.51.100.1")
    visitor._session.clear()

    assert {visitor.ask("GET", path).status_code for _ in range(10)} == {status}

    assert visitor.begin_session().status_code == 201


def test_a_session_that_began_by_reading_counts_when_it_creates(arrive: Arrive) -> None:
    visitor = arrive("198.51.100.1")
    visitor._session.clear()
    statuses = []
    for _ in range(4):
        cookie = visitor.ask("GET", "/api/uploads").headers["set-cookie"].partition(";")[0]
        for _ in range(2):  # the cookie of the answer has not arrived before the second request
            answer = visitor.create(headers={"Cookie": cookie})
            statuses.append(answer.status_code)

    assert statuses == [201] * 6 + [429] * 2


def test_a_session_keeps_what_it_began(arrive: Arrive) -> None:
    visitor = arrive("198.51.100.1")
    visitor._session.clear()
    read = visitor.ask("GET", "/api/uploads").headers["set-cookie"].partition(";")[0]
    made = visitor.create(headers={"Cookie": read})
    counted = made.headers["set-cookie"].partition(";")[0]
    path = f"/api/uploads/{made.json()['id']}"

    assert counted != read
    for cookie in (read, counted):
        assert visitor.ask("GET", path, headers={"Cookie": cookie}).status_code == 200
    for _ in range(2):
        visitor.begin_session()
    assert visitor.ask("POST", "/api/session").status_code == 429
    visitor._session.clear()
    assert visitor.create(headers={"Cookie": counted}).status_code == 201


def test_addresses_of_one_ipv6_network_are_one(arrive: Arrive) -> None:
    visitors = [arrive(f"2001:db8:1:2::{host}") for host in range(4)]

    refused(visitors[0].begin_session())

    arrive("2001:db8:1:3::1")


def test_sessions_begin_while_the_table_does_not_answer(
    arrive: Arrive, harness: UploadHarness
) -> None:
    visitor = arrive("198.51.100.1")
    fail_calls(harness.quotas, "take", times=2)

    assert visitor.begin_session().status_code == 201
    problem(visitor.create(), 503, "storage_unavailable")


def test_a_refusal_is_sent_late(arrive: Arrive, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = arrive("198.51.100.1")
    for _ in range(4):
        visitor.create()
    monkeypatch.setattr(middleware, "REFUSAL_DELAY", 0.2)

    began = time.monotonic()
    refused(visitor.create())

    assert time.monotonic() - began >= 0.2


def test_the_largest_file_is_always_within_the_bytes_of_an_hour() -> None:
    limits = create_container(upload_bytes_per_hour=1, max_file_size=5).settings().quota_limits

    assert limits.of_session(Resource.UPLOAD_BYTES) == 5
