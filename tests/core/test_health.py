"""Test what readiness says of what it asks, and of the host's clock (faults 34 and 40)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from litestar.testing import TestClient

from libs.core.settings import Settings
from libs.core.web.app import service_app
from libs.core.web.health import KEPT_FOR, SharedChecks
from tests.fakes import FakeClock

GIVEN: dict[str, Any] = {
    "bucket": "bucket",
    "table": "table",
    "AWS_REGION": "eu-central-1",
}


def ready(check: Callable[[], None], skew: float) -> tuple[int, dict[str, Any]]:
    app = service_app("upload", Settings(**GIVEN), [], {}, {"S3": check}, clock_skew=lambda: skew)
    with TestClient(app) as client:
        answer = client.get("/health/ready")
    return answer.status_code, answer.json()


def fail() -> None:
    raise TimeoutError


@pytest.mark.parametrize("skew", [600.0, -600.0])
def test_a_wrong_clock_is_reported_and_does_not_make_a_service_unready(skew: float) -> None:
    status, body = ready(lambda: None, skew)

    assert (status, body["status"], body["clock_skew_seconds"]) == (200, "ready", skew)


def test_a_wrong_clock_is_reported_beside_what_cannot_be_reached() -> None:
    status, body = ready(fail, 600.0)

    assert (status, body["unreachable"]) == (503, {"S3": "TimeoutError"})
    assert body["clock_skew_seconds"] == 600


def test_a_right_clock_is_not_mentioned() -> None:
    for check in (lambda: None, fail):
        assert "clock_skew_seconds" not in ready(check, 0.0)[1]


class CountedCheck:
    """Count the calls; answer when it may."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: Exception | None = None
        self.begun, self.may_end = Event(), Event()
        self.may_end.set()

    def __call__(self) -> None:
        self.calls += 1
        self.begun.set()
        assert self.may_end.wait(20)
        if self.error:
            raise self.error


def test_a_result_is_kept_for_a_moment() -> None:
    check, clock = CountedCheck(), FakeClock(0)
    shared = SharedChecks({"S3": check}, clock)
    assert shared.failures() == {}

    check.error = TimeoutError()
    clock.advance(KEPT_FOR / 2)
    assert (shared.failures(), check.calls) == ({}, 1)

    clock.advance(KEPT_FOR / 2)
    assert (shared.failures(), check.calls) == ({"S3": "TimeoutError"}, 2)


def test_requests_at_once_share_the_checks() -> None:
    check = CountedCheck()
    check.may_end.clear()
    check.error = TimeoutError()
    shared = SharedChecks({"S3": check}, FakeClock(0))
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(shared.failures) for _ in range(8)]
        assert check.begun.wait(20)
        check.may_end.set()
        assert [each.result() for each in asked] == [{"S3": "TimeoutError"}] * 8

    assert check.calls == 1


def test_readiness_asks_shared_checks() -> None:
    """A slow machine may need longer than a second for one of them, but not for each."""
    check = CountedCheck()
    app = service_app("upload", Settings(**GIVEN), [], {}, {"S3": check})
    with TestClient(app) as client:
        assert {client.get("/health/ready").status_code for _ in range(50)} == {200}

    assert check.calls < 50
