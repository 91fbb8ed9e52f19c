"""Test POST /sweep, and the threads that work beside requests."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar.testing import TestClient

from libs.core.domain.events import ItemRemoved
from libs.core.domain.ids import new_id
from libs.core.domain.uploads import source_key
from libs.core.errors import StorageUnavailable
from services.janitor.app import create_app
from tests.fakes import FakeClock
from tests.fault_injection import eventually
from tests.janitor.support import DAY, TOKEN, JanitorEnvironment

KEY = {"Authorization": f"Bearer {TOKEN}"}

Client = TestClient[Any]


@pytest.fixture
def client(env: JanitorEnvironment) -> Iterator[Client]:
    with TestClient(create_app(env.container())) as client:
        yield client


def test_a_sweep_answers_what_it_did(
    client: Client, env: JanitorEnvironment, clock: FakeClock
) -> None:
    env.add_completed(env.add_upload())
    stubborn = new_id("upload")
    env.objects.undeletable.add(env.store_object(source_key(stubborn)))
    clock.advance(DAY + 1)

    answer = client.post("/sweep", headers=KEY, json={})

    assert answer.status_code == 200
    assert answer.json() == {
        "expired_uploads": 1,
        "expired_conversions": 1,
        "erased_objects": 2,
        "erased_bytes": 8,
        "aborted_multipart_uploads": 0,
        "foreign_objects": 0,
        "unreadable_items": 0,
        "failed": [
            {"id": stubborn, "reason": f"{source_key(stubborn)}: AccessDenied: not this one"}
        ],
        "dry_run": False,
        "complete": True,
        "took_seconds": 0.0,
    }


def test_a_dry_run_is_by_request_only(
    client: Client, env: JanitorEnvironment, clock: FakeClock
) -> None:
    env.add_upload()
    clock.advance(DAY + 1)

    dry = client.post("/sweep", headers=KEY, json={"dry_run": True}).json()
    wet = client.post("/sweep", headers=KEY).json()

    assert (dry["dry_run"], wet["dry_run"]) == (True, False)
    assert dry["erased_objects"] == wet["erased_objects"] == 1


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}, {"Authorization": "Bearer "}],
)
@pytest.mark.parametrize("body", [{}, {"nonsense": 1}])
def test_without_the_token_nothing_is_swept(
    client: Client,
    env: JanitorEnvironment,
    clock: FakeClock,
    headers: dict[str, str],
    body: dict[str, Any],
) -> None:
    upload = env.add_upload()
    clock.advance(DAY + 1)

    answer = client.post("/sweep", headers=headers, json=body)

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert env.keys == {upload.key}


@pytest.mark.parametrize("body", [{"dry-run": True}, {"dry_run": "yes"}, [], {"dry_run": None}])
def test_a_body_that_does_not_fit_is_refused_rather_than_swept_by(
    client: Client, env: JanitorEnvironment, clock: FakeClock, body: Any
) -> None:
    upload = env.add_upload()
    clock.advance(DAY + 1)

    assert client.post("/sweep", headers=KEY, json=body).status_code in (400, 422)
    assert env.keys == {upload.key}


def test_a_sweep_begins_no_session(client: Client) -> None:
    assert "set-cookie" not in client.post("/sweep", headers=KEY).headers


def test_objects_of_removed_items_are_deleted_beside_requests(
    client: Client, env: JanitorEnvironment
) -> None:
    upload = env.add_upload()
    env.table.delete(upload.id)
    env.inbox.send(ItemRemoved(upload, expired=False))

    eventually(lambda: not env.keys)


def test_it_sweeps_by_itself_when_it_is_told_to(env: JanitorEnvironment, clock: FakeClock) -> None:
    env.add_upload()
    clock.advance(DAY + 1)

    with TestClient(create_app(env.container(sweep_every=0.01))):
        eventually(lambda: not env.keys)


def test_a_sweep_that_fails_as_a_whole_does_not_end_the_next(
    env: JanitorEnvironment, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    env.add_upload()
    clock.advance(DAY + 1)
    broken = iter([StorageUnavailable("Away.", retry_after=2), RuntimeError("a fault of ours")])
    expired = env.items.expired

    def failing(now: float) -> Any:
        for error in broken:
            raise error
        return expired(now)

    monkeypatch.setattr(env.items, "expired", failing)

    with TestClient(create_app(env.container(sweep_every=0.01))):
        eventually(lambda: not env.keys)
