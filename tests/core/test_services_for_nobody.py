"""Test that a service without the secret of sessions can act for no visitor."""

from typing import Any

from litestar import Request, get
from litestar.testing import TestClient

from libs.core.settings import Settings, VisitorSettings
from libs.core.web.app import service_app, session_tokens
from libs.core.web.session import session_of
from services.conversion.app import create_app
from services.conversion.container import ConversionContainer
from services.conversion.settings import WorkerSettings

SECRET = "a secret of the tests, long enough"
GIVEN: dict[str, Any] = {"bucket": "bucket", "table": "table", "AWS_REGION": "eu-central-1"}


@get("/who", sync_to_thread=False)
def who(request: Request[Any, Any, Any]) -> dict[str, str | None]:
    return {"id": session_of(request).id}


def test_only_a_service_for_visitors_opens_their_sessions() -> None:
    visitors = VisitorSettings(**GIVEN, session_secret=SECRET)
    token = session_tokens(visitors).issue("anna")

    for settings, expected in ((visitors, "anna"), (Settings(**GIVEN), None)):
        client = TestClient(service_app("upload", settings, [who], {}, {}))
        for headers in (
            {"Authorization": f"Bearer {token}"},
            {"Cookie": f"__Host-session={token}"},
        ):
            assert client.get("/who", headers=headers).json() == {"id": expected}


def test_what_a_service_for_nobody_would_issue_is_valid_nowhere() -> None:
    forged = session_tokens(Settings(**GIVEN)).issue("anna")

    assert session_tokens(VisitorSettings(**GIVEN, session_secret=SECRET)).read(forged) is None
    assert session_tokens(Settings(**GIVEN)).read(forged) is None


def test_a_worker_alone_answers_probes_only() -> None:
    settings = WorkerSettings(**GIVEN, conversion_inbox_url="https://unused", slots=1)
    app = create_app(ConversionContainer(settings=settings))

    served = {route.path for route in app.routes if not route.path.startswith("/api/conversion/")}
    assert served == {"/health/live", "/health/ready"}
