"""Test a queue that loses deletions and visibility changes (faults 20 and 22)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from deploy.local.stack import EmbeddedStack
from deploy.local.targets import EmulatorTarget
from tests.fault_proxy import FaultProxy
from tests.faults.workers import eventually, workers
from tests.system.client import Client, Json

pytestmark = pytest.mark.stack

SEED = 1

LONG: Json = {"format": "flac", "normalize": -16.0, "sample_rate": 192000}
"""It runs for longer than a third of a lease, which is when its message is hidden again."""


@contextmanager
def failing_calls(stack: EmbeddedStack, call: str) -> Iterator[FaultProxy]:
    """Fail every call of this name, before or after its effect, until `chances` are cleared."""
    assert isinstance(stack.target, EmulatorTarget)
    proxy = FaultProxy(
        stack.target.emulator.endpoint_url,
        {"throttle": 0.5, "drop request": 0.5},
        SEED,
        services=(f"amazonsqs.{call}",),
    )
    try:
        yield proxy
    finally:
        proxy.close()


@pytest.fixture
def inbox(faulty_stack: EmbeddedStack) -> Iterator["Inbox"]:
    assert isinstance(faulty_stack.target, EmulatorTarget)
    client = faulty_stack.target.client("sqs")
    yield Inbox(client, faulty_stack.environment["TINYPIXO_CONVERSION_INBOX_URL"])
    client.close()


class Inbox:
    """Count the messages of the conversion inbox, hidden ones included."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def count(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        return sum(
            int(n)
            for n in self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)[
                "Attributes"
            ].values()
        )


@pytest.mark.parametrize("call", ["deletemessage", "changemessagevisibility"])
def test_each_conversion_is_made_once_although_calls_to_its_queue_fail(
    faulty_stack: EmbeddedStack, client: Client, inbox: Inbox, track: bytes, call: str
) -> None:
    ended: list[Json] = []
    upload = client.upload(track, "song.mp3")

    with (
        failing_calls(faulty_stack, call) as proxy,
        workers(faulty_stack, f"forgotten-{call}", AWS_ENDPOINT_URL=proxy.url) as (worker,),
    ):

        def convert_again() -> bool:
            """Convert again, because some conversions are found without a message."""
            ended.append(client.until_ended(client.convert(upload["id"], **LONG)["id"]))
            return bool(proxy.log["throttle"] + proxy.log["drop request"])

        eventually(convert_again, 120, f"{call} has failed")
        proxy.chances.clear()
        eventually(
            lambda: not inbox.count(), 60, "every message has come again and is gone for good"
        )
        assert worker.process.poll() is None

    assert [(each["status"], each["attempts"]) for each in ended] == [("completed", 1)] * len(ended)
    assert len({each["output"]["sha256"] for each in ended}) == 1
    assert [client.conversion(each["id"])["version"] for each in ended] == [
        each["version"] for each in ended
    ]
