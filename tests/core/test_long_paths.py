"""Test that a long path costs no time in the log: `redact` takes a moment for each character."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from litestar import get
from litestar.params import FromPath
from litestar.testing import TestClient
from structlog.testing import capture_logs

from libs.core.settings import Settings
from libs.core.telemetry import MAX_FROM_CLIENT
from libs.core.web import middleware
from libs.core.web.app import service_app

GIVEN: dict[str, Any] = {"bucket": "bucket", "table": "table", "AWS_REGION": "eu-central-1"}
LONG = "/api/uploads/" + "a" * 8000


@get("/api/uploads/{upload_id:str}", sync_to_thread=False)
def fail(upload_id: FromPath[str]) -> None:
    raise ZeroDivisionError(len(upload_id))


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []

    @contextmanager
    def span(name: str, _traceparent: str | None = None) -> Iterator[None]:
        names.append(name)
        yield

    monkeypatch.setattr(middleware, "span", span)
    return names


@pytest.mark.parametrize("path", [LONG, f"{LONG}/unknown"])
def test_only_the_beginning_of_a_path_is_logged(spans: list[str], path: str) -> None:
    app = service_app("upload", Settings(**GIVEN), [fail], {}, {})
    with capture_logs() as lines:
        TestClient(app, raise_server_exceptions=False).get(path)

    beginning = path[:MAX_FROM_CLIENT]
    assert [line["path"] for line in lines] == [beginning] * len(lines)
    assert lines[-1]["event"] == "request"
    assert spans == [f"GET {beginning}"]


def test_only_the_beginning_of_a_method_is_logged(spans: list[str]) -> None:
    app = service_app("upload", Settings(**GIVEN), [], {}, {})
    with capture_logs() as lines:
        TestClient(app).request("A" * 8000, "/")

    assert [line["method"] for line in lines] == ["A" * MAX_FROM_CLIENT]
    assert len(spans[0]) < 2 * MAX_FROM_CLIENT
