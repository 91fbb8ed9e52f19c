"""Test the relay: what it publishes, and how often."""

import json
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from structlog.testing import capture_logs

from deploy.local import relay
from deploy.local.relay import BATCH_BYTES, BATCH_SIZE, Relay

Record = dict[str, Any]


def record(
    number: int, event: str = "REMOVE", phase: str = "queued", prefix: str = "cnv_"
) -> Record:
    image = {} if event == "REMOVE" else {"NewImage": {"phase": {"S": phase}}}
    keys = {"Keys": {"pk": {"S": f"{prefix}{number}"}}}
    return {"eventID": str(number), "eventName": event, "dynamodb": image | keys}


class FakeReader:
    """Give these batches of records, and end."""

    def __init__(self, *batches: Sequence[Record] | None) -> None:
        self._batches = batches

    def follow(self, _stop: threading.Event) -> Iterator[Sequence[Record] | None]:
        yield from self._batches


class FakeSns:
    """Record published messages. The first calls raise, or fail for some entries."""

    def __init__(self, *outcomes: Exception | list[str]) -> None:
        self.calls: list[list[str]] = []
        self._outcomes = list(outcomes)

    @property
    def published(self) -> list[str]:
        return [event_id for call in self.calls for event_id in call]

    def publish_batch(self, TopicArn: str, PublishBatchRequestEntries: Any) -> Any:  # noqa: N803
        assert TopicArn == "topic"
        outcome = self._outcomes.pop(0) if self._outcomes else []
        if isinstance(outcome, Exception):
            raise outcome
        size = sum(len(entry["Message"].encode()) for entry in PublishBatchRequestEntries)
        assert size <= BATCH_BYTES, "SNS refuses all of them with BatchRequestTooLong"
        sent = {e["Id"]: json.loads(e["Message"])["eventID"] for e in PublishBatchRequestEntries}
        self.calls.append([event_id for at, event_id in sent.items() if at not in outcome])
        return {"Failed": [{"Id": at} for at in outcome]}


def run(sns: FakeSns, *batches: Sequence[Record] | None) -> None:
    Relay(FakeReader(*batches), sns, "topic").run(threading.Event())  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "RETRY_INTERVAL", 0.0)


def test_only_records_with_a_subscription_are_published() -> None:
    sns = FakeSns()

    run(
        sns,
        [record(1), record(2, "MODIFY"), record(3, "MODIFY", "converting"), record(4, "INSERT")],
    )

    assert sns.published == ["1", "2", "4"]


def test_expired_counters_are_not_published() -> None:
    sns = FakeSns()

    run(sns, [record(1, prefix="qta_"), record(2, prefix="rev_"), record(3, prefix="upl_")])

    assert sns.published == ["3"]


def test_records_are_published_in_batches_of_the_maximum_size() -> None:
    sns = FakeSns()

    run(sns, [record(number) for number in range(25)])

    assert [len(call) for call in sns.calls] == [BATCH_SIZE, BATCH_SIZE, 5]


def a_record_of(size: int, number: int) -> Record:
    """Return a record whose message has so many bytes, most of them in an attribute."""
    large = record(number)
    large["dynamodb"]["OldImage"] = {"conversions": ""}
    large["dynamodb"]["OldImage"]["conversions"] = "x" * (size - len(json.dumps(large)))
    return large


def test_batches_have_no_more_bytes_than_a_call_takes() -> None:
    sns = FakeSns()

    run(sns, [a_record_of(BATCH_BYTES // 2, number) for number in range(5)])

    assert sns.calls == [["0", "1"], ["2", "3"], ["4"]]


def test_a_record_that_is_too_large_is_left_out_and_logged() -> None:
    """No attempt would publish it, and those after it would wait for ever."""
    sns = FakeSns()

    with capture_logs() as logs:
        run(
            sns,
            [record(1), a_record_of(BATCH_BYTES + 1, 2), a_record_of(BATCH_BYTES, 3), record(4)],
        )

    assert sns.published == ["1", "3", "4"]
    [entry] = [entry for entry in logs if entry["event"] == "relay.record_too_large"]
    assert (entry["log_level"], entry["item"]) == ("error", "cnv_2")


def test_failed_messages_are_published_again() -> None:
    sns = FakeSns(EndpointConnectionError(endpoint_url="http://localhost"), ["1", "2"])

    run(sns, [record(number) for number in range(4)])

    assert sorted(sns.published) == ["0", "1", "2", "3"]


def test_records_that_are_read_again_are_not_published_again() -> None:
    sns = FakeSns()
    old = [record(number) for number in range(30)]

    run(sns, old, None, [*old, record(30)])

    assert sorted(map(int, sns.published)) == list(range(31))
