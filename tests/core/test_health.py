"""Test what readiness says of what it asks, and of the host's clock (faults 34 and 40)."""

from collections.abc import Callable
from typing import Any

import pytest
from litestar.testing import TestClient

from libs.core.settings import Settings
from libs.core.web.app import service_app

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
