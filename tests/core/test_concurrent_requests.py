"""Share a client between threads: the conditions of one request never mix with another's."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any, cast

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

from libs.core.adapters.aws.clients import dynamodb_client
from libs.core.adapters.aws.dynamodb.table import Table
from libs.core.adapters.aws.dynamodb.updates import Update

THREADS, CALLS = 8, 100


class FakeBody(BytesIO):
    """Stand in for an empty response body, as botocore reads it."""

    def stream(self) -> Iterator[bytes]:
        yield b"{}"


@pytest.fixture
def requests() -> list[dict[str, Any]]:
    """Collect the requests that would have been sent."""
    return []


@pytest.fixture
def table(requests: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Table:
    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        requests.append(json.loads(cast(bytes, request.body)))
        return AWSResponse(request.url, 200, HTTPHeaders(), FakeBody())

    client = dynamodb_client(boto3.Session("test", "test", region_name="eu-central-1"))
    hooks: Any = client.meta.events  # the stub allows no handler that returns a response
    hooks.register("before-send.dynamodb", answer)
    return Table(client, "table")


@pytest.fixture
def fast_thread_switches() -> Iterator[None]:
    """Switch threads as often as Python can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def expanded_condition(request: dict[str, Any]) -> str:
    """Return the condition with its names and values inserted."""
    text: str = request.get("KeyConditionExpression") or request["ConditionExpression"]
    values = {
        name: next(iter(value.values()))
        for name, value in request["ExpressionAttributeValues"].items()
    }
    places = {**request["ExpressionAttributeNames"], **values}
    return re.sub(r"[#:]\w+", lambda found: str(places[found[0]]), text)


def count(table: Table, n: int) -> str:
    with pytest.raises(KeyError):  # the empty response has no count, and below no item
        table.count("open", Key("open_kind").eq(f"kind-{n}") & Key("created_at").lt(n))
    return f"(open_kind = kind-{n} AND created_at < {n})"


def delete(table: Table, n: int) -> str:
    with pytest.raises(KeyError):
        table.delete(f"item-{n}", Attr("owner").eq(f"owner-{n}") & Attr("expires_at").gt(n))
    return f"(attribute_exists(pk) AND (owner = owner-{n} AND expires_at > {n}))"


def update(table: Table, n: int) -> str:
    with pytest.raises(KeyError):
        table.update(f"item-{n}", Update(Attr("owner").eq(f"owner-{n}"), set={"name": n}))
    return f"owner = owner-{n})"


@pytest.mark.usefixtures("fast_thread_switches")
@pytest.mark.parametrize("call", [count, delete, update])
def test_every_condition_is_sent_unchanged(
    call: Callable[[Table, int], str], table: Table, requests: list[dict[str, Any]]
) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        wanted = list(pool.map(lambda n: call(table, n), range(THREADS * CALLS)))

    sent = sorted(map(expanded_condition, requests))
    assert len(sent) == len(wanted)
    assert [text for text in sorted(wanted) if not any(text in other for other in sent)] == []
