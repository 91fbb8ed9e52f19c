"""The relay: from the table's stream to the topic, where no EventBridge Pipe does it.

`python -m deploy.local.relay` needs TINYPIXO_TABLE and TINYPIXO_TOPIC_ARN. It publishes each record that some inbox
wants, as the pipe would: at least once, from the stream's beginning whenever it starts, so that nothing is missed.
"""

import json
import signal
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import boto3
import structlog
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.core import telemetry
from libs.core.adapters.aws import clients
from libs.core.adapters.aws.streams import Record, StreamTail

log = structlog.get_logger(__name__)

BATCH = 10
"""Messages that a PublishBatch call takes at most."""

PAUSE = 0.1
"""Seconds between two reads that found nothing: an emulator has no limit of five reads a second."""


class RelaySettings(BaseSettings):
    """What the relay needs."""

    model_config = SettingsConfigDict(env_prefix="TINYPIXO_", frozen=True, extra="ignore")

    table: str
    topic_arn: str
    aws_region: str = Field(validation_alias=AliasChoices("AWS_REGION", "AWS_DEFAULT_REGION"))


def wanted(record: Record) -> bool:
    """Whether any subscription takes the record: what the pipe's filter says, too. Progress, the bulk of all, is not."""
    if record["eventName"] == "REMOVE":
        return True
    phase = record["dynamodb"].get("NewImage", {}).get("phase", {}).get("S")
    return bool(phase == "queued")


class Relay:
    """Publishes what a StreamTail finds."""

    def __init__(self, tail: StreamTail, sns: Any, topic_arn: str) -> None:
        self._tail = tail
        self._sns = sns
        self._topic = topic_arn

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set."""
        for records in self._tail.follow(stop):
            for batch in _batches([record for record in records or () if wanted(record)]):
                self._publish(batch, stop)

    def _publish(self, batch: Sequence[Record], stop: threading.Event) -> None:
        """Publishes a batch, as often as it takes: a record left out would be an event lost."""
        entries = [{"Id": str(i), "Message": json.dumps(record, default=str)} for i, record in enumerate(batch)]
        while entries and not stop.is_set():
            try:
                failed = {
                    e["Id"] for e in self._sns.publish_batch(TopicArn=self._topic, PublishBatchRequestEntries=entries).get("Failed", [])
                }
                entries = [entry for entry in entries if entry["Id"] in failed]
            except (ClientError, BotoCoreError) as error:
                log.warning("relay.publish_failed", reason=type(error).__name__)
            if entries:
                stop.wait(1)


def _batches(records: list[Record]) -> Iterator[list[Record]]:
    for start in range(0, len(records), BATCH):
        yield records[start : start + BATCH]


def main() -> None:
    """Relays until SIGTERM."""
    settings = RelaySettings()
    telemetry.set_up("relay", style="json")
    session = boto3.Session(region_name=settings.aws_region)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    dynamodb = clients.dynamodb_client(session)
    tail = StreamTail(clients.streams_client(session), dynamodb, settings.table, "TRIM_HORIZON", PAUSE)
    log.info("relay.started", table=settings.table)
    Relay(tail, clients.sns_client(session), settings.topic_arn).run(stop)


if __name__ == "__main__":
    main()
