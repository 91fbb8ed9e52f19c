"""Test the limits of conversions and of new sessions over HTTP."""

from collections.abc import Iterator
from typing import Any

import pytest
from dependency_injector import providers
from litestar.testing import TestClient

from libs.core.adapters.memory import MemoryQuotas
from libs.core.domain.quotas import DAY, HOUR
from libs.core.web.session_tokens import SessionTokens
from services.conversion.app import create_app
from tests.conversion.application import SECRET, a_container, use_environment
from tests.conversion.support import ConversionEnvironment

Client = TestClient[Any]


@pytest.fixture
def client(env: ConversionEnvironment) -> Iterator[Client]:
    container = a_container(
        slots=0,
        conversions_per_hour=2,
        conversions_per_day=3,
        sessions_per_hour=3,
        address_factor=2,
        trusted_proxies=1,
    )
    use_environment(container, env)
    container.quotas.override(providers.Object(MemoryQuotas(env.clock)))
    with TestClient(create_app(container)) as client:
        yield client


def request(client: Client, env: ConversionEnvironment, owner: str, address: str) -> Any:
    upload, _ = env.start_upload(owner, waiting=0)
    token = SessionTokens(SECRET).issue(owner)
    return client.post(
        "/api/conversions",
        json={"upload_id": upload.id, "format": "mp3"},
        headers={"Authorization": f"Bearer {token}", "X-Forwarded-For": address},
    )


def test_a_session_requests_so_many_conversions(client: Client, env: ConversionEnvironment) -> None:
    answers = [request(client, env, "anna", "198.51.100.1") for _ in range(3)]
    bystander = request(client, env, "bert", "198.51.100.1")

    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert answers[2].json()["code"] == "rate_limited"
    assert 1 <= int(answers[2].headers["retry-after"]) <= 3600
    assert bystander.status_code == 202


def test_an_address_requests_so_many_conversions(
    client: Client, env: ConversionEnvironment
) -> None:
    owners = ["anna", "anna", "bert", "bert", "carl"]
    answers = [request(client, env, owner, "198.51.100.1") for owner in owners]
    bystander = request(client, env, "dora", "198.51.100.2")

    assert [answer.status_code for answer in answers] == [202, 202, 202, 202, 429]
    assert bystander.status_code == 202


def test_a_day_limits_what_its_hours_allow(client: Client, env: ConversionEnvironment) -> None:
    env.clock.advance(DAY - env.clock() % DAY)
    for owner in ("anna", "anna", "bert", "bert"):
        assert request(client, env, owner, "198.51.100.1").status_code == 202
    env.clock.advance(HOUR)

    answers = [
        request(client, env, owner, "198.51.100.1") for owner in ("anna", "anna", "carl", "carl")
    ]

    assert [answer.status_code for answer in answers] == [202, 429, 202, 429]
    assert HOUR < int(answers[1].headers["retry-after"]) <= DAY, "of the session"
    assert HOUR < int(answers[3].headers["retry-after"]) <= DAY, "of the address"
    assert request(client, env, "dora", "198.51.100.2").status_code == 202


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/formats", 200), ("/api/conversions", 200), ("/api/conversions/cnv_1", 404)],
)
def test_reading_is_never_refused_and_begins_a_session_each_time(
    client: Client, path: str, status: int
) -> None:
    for _ in range(5):
        client.cookies.clear()
        answer = client.get(path, headers={"X-Forwarded-For": "198.51.100.1"})
        assert answer.status_code == status
        assert "set-cookie" in answer.headers


def test_a_conversion_knows_its_client_by_a_digest(
    client: Client, env: ConversionEnvironment
) -> None:
    addresses = ["198.51.100.1", "198.51.100.1", "198.51.100.2"]
    ids = [
        request(client, env, f"{n}", address).json()["id"] for n, address in enumerate(addresses)
    ]

    first, second, third = (env.conversions.get(conversion_id).client for conversion_id in ids)

    assert first == second == SessionTokens(SECRET).hide_address("198.51.100.1")
    assert third == SessionTokens(SECRET).hide_address("198.51.100.2")
