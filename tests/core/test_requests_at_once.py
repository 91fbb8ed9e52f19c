"""Threads share a client: what one of them asks for under a condition is never mixed up with what another does."""

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


class Answer(BytesIO):
    """An empty answer's body, as botocore reads it."""

    def stream(self) -> Iterator[bytes]:
        yield b"{}"


@pytest.fixture
def asked() -> list[dict[str, Any]]:
    """The requests as they would have been sent."""
    return []


@pytest.fixture
def table(asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Table:
    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        asked.append(json.loads(cast(bytes, request.body)))
        return AWSResponse(request.url, 200, HTTPHeaders(), Answer())

    client = dynamodb_client(boto3.Session("test", "test", region_name="eu-central-1"))
    client.meta.events.register("before-send.dynamodb", answer)
    return Table(client, "table")


@pytest.fixture
def turns() -> Iterator[None]:
    """Threads change places as often as Python can make them."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def spelled_out(request: dict[str, Any]) -> str:
    """The condition with its names and values in their places."""
    text: str = request.get("KeyConditionExpression") or request["ConditionExpression"]
    values = {
        name: next(iter(value.values()))
        for name, value in request["ExpressionAttributeValues"].items()
    }
    places = {**request["ExpressionAttributeNames"], **values}
    return re.sub(r"[#:]\w+", lambda found: str(places[found[0]]), text)


def count(table: Table, n: int) -> str:
    with pytest.raises(KeyError):  # the empty answer has no count, and below no item
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


@pytest.mark.usefixtures("turns")
@pytest.mark.parametrize("call", [count, delete, update])
def test_every_condition_arrives_as_it_was_asked(
    call: Callable[[Table, int], str], table: Table, asked: list[dict[str, Any]]
) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        wanted = list(pool.map(lambda n: call(table, n), range(THREADS * CALLS)))

    sent = sorted(map(spelled_out, asked))
    assert len(sent) == len(wanted)
    assert [text for text in sorted(wanted) if not any(text in other for other in sent)] == []
