"""Test cookies and tokens of sessions over HTTP, and how they are revoked."""

import base64
import time
from collections.abc import Iterator
from http.cookies import SimpleCookie

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from libs.core.ports.revoked_sessions import PROPAGATION_SECONDS
from libs.core.web.session import MAX_COOKIES
from libs.core.web.session_tokens import LIFETIME, SessionTokens
from services.upload.app import create_app
from services.upload.container import UploadContainer
from tests.fakes import DAY
from tests.fault_injection import fail_calls
from tests.upload.support import Client, UploadHarness, create, create_container, problem

COOKIE = "__Host-session"
SECRET = "a secret of the tests, long enough"
TOKENS = SessionTokens(SECRET)
MALFORMED = [
    "",
    "tampered",
    "null",
    "%00",
    base64.b64encode(b"additional_authenticated_data={").decode(),
    base64.b64encode(b"n" * 40 + b"additional_authenticated_data=" + b"[" * 500).decode(),
    base64.b64encode(b"n" * 40 + b'additional_authenticated_data={"expires_at":"x"}').decode(),
]


@pytest.fixture(scope="module")
def container() -> UploadContainer:
    return create_container()


@pytest.fixture(scope="module")
def app(container: UploadContainer) -> Litestar:
    return create_app(container)


@pytest.fixture
def client(app: Litestar, container: UploadContainer, harness: UploadHarness) -> Iterator[Client]:
    harness.override_adapters(container)
    with TestClient(app, base_url="https://tinypixo.test") as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def cookies(*pairs: tuple[str, str]) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in pairs)}


def owned(client: Client, headers: dict[str, str] | None = None) -> list[str]:
    answer = client.get("/api/uploads", headers=headers)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


@pytest.mark.parametrize("value", MALFORMED)
def test_a_malformed_cookie_begins_a_new_session(client: Client, value: str) -> None:
    answer = client.get("/api/uploads", headers=cookies((COOKIE, value)))

    assert answer.status_code == 200
    assert COOKIE in answer.cookies


@pytest.mark.parametrize("value", MALFORMED)
def test_a_malformed_token_is_refused(client: Client, value: str) -> None:
    answer = client.get("/api/uploads", headers=bearer(value))

    problem(answer, 401, "session_invalid")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_secure_cookie_can_only_come_from_this_host(client: Client) -> None:
    (morsel,) = SimpleCookie(client.get("/api/uploads").headers["set-cookie"]).values()

    assert (morsel.key, morsel["path"], morsel["domain"]) == (COOKIE, "/", "")
    assert morsel["secure"] is True


def test_the_cookie_of_a_sibling_host_is_ignored(client: Client) -> None:
    mine = create(client)["id"]
    session = client.cookies[COOKIE]
    client.cookies.clear()
    planted = [("session", TOKENS.issue("attacker")), ("session", "x" * 2000)]

    assert owned(client, cookies(*planted, (COOKIE, session))) == [mine]
    assert owned(client, cookies(*planted)) == []


@pytest.mark.parametrize("first", [True, False])
def test_of_two_cookies_of_the_name_the_valid_one_wins(client: Client, *, first: bool) -> None:
    mine = create(client)["id"]
    pairs = [(COOKIE, client.cookies[COOKIE]), (COOKIE, "malformed")]
    client.cookies.clear()

    assert owned(client, cookies(*(pairs if first else pairs[::-1]))) == [mine]


@pytest.mark.parametrize("first", [True, False])
def test_cookies_of_two_sessions_open_neither(client: Client, *, first: bool) -> None:
    """Without HTTPS another host of the domain could plant its own beside the visitor's."""
    create(client)
    pairs = [(COOKIE, client.cookies[COOKIE]), (COOKIE, TOKENS.issue("attacker"))]
    client.cookies.clear()
    both = cookies(*(pairs if first else pairs[::-1]))

    answer = client.post("/api/uploads", json={"filename": "a.wav", "size": 1}, headers=both)

    begun = TOKENS.read(answer.cookies[COOKIE].strip('"'))
    victim = TOKENS.read(pairs[0][1].strip('"'))
    assert begun
    assert victim
    assert begun.session_id not in {"attacker", victim.session_id}
    assert owned(client, bearer(TOKENS.issue("attacker"))) == []
    assert owned(client, both) == []


def test_more_cookies_than_are_read_open_no_session(client: Client) -> None:
    """Those beyond may be of another session."""
    create(client)
    mine = (COOKIE, client.cookies[COOKIE])
    client.cookies.clear()

    assert owned(client, cookies(*[mine] * MAX_COOKIES))
    assert owned(client, cookies(*[mine] * (MAX_COOKIES + 1))) == []


def test_two_cookies_of_one_session_open_it(client: Client) -> None:
    """A browser may send an old one beside the renewed one."""
    yesterday = SessionTokens(SECRET, lambda: time.time() - DAY)
    pairs = [(COOKIE, each.issue("anna")) for each in (yesterday, TOKENS)]
    first = client.post(
        "/api/uploads", json={"filename": "a.wav", "size": 1}, headers=cookies(*pairs)
    )

    assert owned(client, cookies(*pairs[::-1])) == [first.json()["id"]]
    assert "set-cookie" not in client.get("/api/uploads", headers=cookies(*pairs)).headers


def test_a_cookie_is_renewed_after_a_day(client: Client) -> None:
    now = time.time()
    fresh, old = (
        SessionTokens(SECRET, lambda age=age: now - age)  # type: ignore[misc]
        for age in (DAY - 60, DAY + 60)
    )

    kept = client.get("/api/uploads", headers=cookies((COOKIE, fresh.issue("anna"))))
    renewed = client.get("/api/uploads", headers=cookies((COOKIE, old.issue("anna"))))

    assert COOKIE not in kept.cookies
    token = TOKENS.read(renewed.cookies[COOKIE].strip('"'))
    assert token is not None
    assert token.session_id == "anna"
    assert token.expires_at == pytest.approx(now + LIFETIME, abs=60)


def test_a_fresh_cookie_is_not_sent_again(client: Client) -> None:
    assert "set-cookie" in client.get("/api/uploads").headers
    assert "set-cookie" not in client.get("/api/uploads").headers


def test_a_revoked_token_is_refused_for_good(client: Client) -> None:
    headers = bearer(client.post("/api/session").json()["token"])
    client.get("/api/uploads", headers=headers)

    revoked = client.delete("/api/session", headers=headers)

    assert (revoked.status_code, revoked.content) == (204, b"")
    problem(client.get("/api/uploads", headers=headers), 401, "session_invalid")
    problem(client.delete("/api/session", headers=headers), 401, "session_invalid")


def test_a_revoked_cookie_is_cleared_and_begins_a_new_session(client: Client) -> None:
    create(client)
    stolen = client.cookies[COOKIE]

    revoked = client.delete("/api/session")

    (morsel,) = SimpleCookie(revoked.headers["set-cookie"]).values()
    assert (revoked.status_code, morsel.value, morsel["max-age"]) == (204, "", "0")
    client.cookies.clear()
    again = client.get("/api/uploads", headers=cookies((COOKIE, stolen)))
    assert (again.json()["items"], COOKIE in again.cookies) == ([], True)


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/api/uploads"])
def test_no_request_renews_the_cookie_of_a_revoked_session(client: Client, path: str) -> None:
    """It would be valid for longer than the revocation is stored."""
    yesterday = SessionTokens(SECRET, lambda: time.time() - DAY - 60)
    headers = cookies((COOKIE, yesterday.issue("anna")))
    client.post("/api/uploads", json={"filename": "a.wav", "size": 1}, headers=headers)
    assert client.delete("/api/session", headers=headers).status_code == 204

    answer = client.get(path, headers=headers)

    renewed = TOKENS.read((answer.cookies.get(COOKIE) or "").strip('"'))
    assert renewed is None or renewed.session_id != "anna"


def test_a_revocation_is_stored_for_longer_than_any_cookie_is_valid(
    client: Client, harness: UploadHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other processes still renew cookies for some seconds after it."""
    until: list[int] = []
    monkeypatch.setattr(harness.revoked_sessions, "revoke", lambda _id, end: until.append(end))

    client.delete("/api/session", headers=bearer(TOKENS.issue("anna")))

    assert until[0] > time.time() + LIFETIME + PROPAGATION_SECONDS


def test_revoking_without_a_session_changes_nothing(client: Client) -> None:
    answer = client.delete("/api/session")

    assert (answer.status_code, "set-cookie" in answer.headers) == (204, False)


def test_no_write_revokes_a_cookie_that_owns_nothing(
    client: Client, harness: UploadHarness
) -> None:
    """Anybody can have thousands of them, and a revocation is kept for a month."""
    client.get("/api/uploads")
    fail_calls(harness.revoked_sessions, "revoke")

    revoked = client.delete("/api/session")

    (morsel,) = SimpleCookie(revoked.headers["set-cookie"]).values()
    assert (revoked.status_code, morsel.value) == (204, "")


def test_no_write_revokes_a_session_again(client: Client, harness: UploadHarness) -> None:
    create(client)
    again = cookies((COOKIE, client.cookies[COOKIE]))
    client.delete("/api/session")
    fail_calls(harness.revoked_sessions, "revoke")

    assert client.delete("/api/session", headers=again).status_code == 204


def test_the_token_of_a_new_cookie_is_revoked_as_a_bearer_token(client: Client) -> None:
    client.get("/api/uploads")
    headers = bearer(client.cookies[COOKIE].strip('"'))
    client.cookies.clear()

    assert client.delete("/api/session", headers=headers).status_code == 204
    problem(client.get("/api/uploads", headers=headers), 401, "session_invalid")


def test_another_session_is_not_revoked(client: Client) -> None:
    mine, other = (bearer(client.post("/api/session").json()["token"]) for _ in range(2))

    client.delete("/api/session", headers=other)

    assert owned(client, mine) == []


def test_a_session_that_cannot_be_checked_is_refused(
    client: Client, harness: UploadHarness
) -> None:
    headers = bearer(client.post("/api/session").json()["token"])
    fail_calls(harness.revoked_sessions, "is_revoked")

    problem(client.get("/api/uploads", headers=headers), 503, "storage_unavailable")
