"""Test that a service behind CloudFront answers requests that came through it only."""

from typing import Any

import pytest
from litestar import get
from litestar.testing import TestClient

from libs.core.settings import Settings
from libs.core.web.app import service_app

OLD, NEW = "the old origin secret, long enough", "the new origin secret, long enough"


@get("/api/uploads", sync_to_thread=False)
def uploads() -> dict[str, str]:
    return {}


def client(**secrets: str) -> "TestClient[Any]":
    given: dict[str, Any] = {
        "bucket": "bucket",
        "table": "table",
        "AWS_REGION": "eu-central-1",
        **secrets,
    }
    return TestClient(service_app("upload", Settings(**given), [uploads], {}, {}))


@pytest.mark.parametrize("headers", [{}, {"X-Origin-Secret": ""}, {"X-Origin-Secret": OLD[:-1]}])
@pytest.mark.parametrize("path", ["/api/uploads", "/api/unknown", "/"])
def test_a_request_that_goes_round_cloudfront_is_refused(
    path: str, headers: dict[str, str]
) -> None:
    answer = client(origin_secret=OLD).get(path, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert answer.headers["X-Request-Id"]


def test_a_request_with_the_secret_is_answered() -> None:
    assert (
        client(origin_secret=OLD).get("/api/uploads", headers={"X-Origin-Secret": OLD}).json() == {}
    )


def test_while_secrets_are_replaced_both_are_answered() -> None:
    both = client(origin_secret=NEW, origin_secret_accepted=OLD)

    statuses = [
        both.get("/api/uploads", headers={"X-Origin-Secret": each}).status_code
        for each in (OLD, NEW, "neither of them")
    ]

    assert statuses == [200, 200, 403]


def test_load_balancers_check_the_health_directly() -> None:
    assert client(origin_secret=OLD).get("/health/live").status_code == 200


def test_without_a_secret_every_request_is_answered() -> None:
    assert client().get("/api/uploads").status_code == 200


def test_the_word_none_is_no_secret() -> None:
    with_none = client(origin_secret=OLD, origin_secret_accepted="none")

    assert with_none.get("/api/uploads", headers={"X-Origin-Secret": "none"}).status_code == 403
    assert with_none.get("/api/uploads", headers={"X-Origin-Secret": OLD}).status_code == 200
