"""Publish the table's stream to the topic: the local stand-in for EventBridge Pipes.

`python -m deploy.local.relay` needs TINYPIXO_TABLE and TINYPIXO_TOPIC_ARN. It delivers at least
once, as the pipe does: it reads the stream from its beginning whenever the process starts.
"""

import json
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import boto3
import structlog
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.core import telemetry
from libs.core.adapters.aws import clients
from libs.core.adapters.aws.dynamodb.stream import Record, StreamReader

log = structlog.get_logger(__name__)

BATCH_SIZE = 10
"""The maximum number of messages in one call of PublishBatch."""

BATCH_BYTES = 256 * 1024
"""The maximum size of all messages of one call of PublishBatch together, and so of each message."""

POLL_INTERVAL = 0.1
"""Seconds between two empty reads. Emulators do not limit reads to five a second, as AWS does."""

REMEMBERED = 50_000
"""Number of published records that are not published again."""

RETRY_INTERVAL = 1.0
"""Seconds until messages that could not be published are published again."""


class RelaySettings(BaseSettings):
    """Read the relay's settings from the environment."""

    model_config = SettingsConfigDict(env_prefix="TINYPIXO_", frozen=True, extra="ignore")

    table: str
    topic_arn: str
    aws_region: str = Field(validation_alias=AliasChoices("AWS_REGION", "AWS_DEFAULT_REGION"))


def passes_filter(record: Record) -> bool:
    """Return True if a subscription takes the record, by the rule of the pipe's filter.

    Most records report progress, which no subscription takes.
    """
    if record["eventName"] == "REMOVE":
        # Counters and revoked sessions expire as well; nothing is to be deleted with them.
        return bool(record["dynamodb"]["Keys"]["pk"]["S"].startswith(("upl_", "cnv_")))
    phase = record["dynamodb"].get("NewImage", {}).get("phase", {}).get("S")
    return bool(phase == "queued")


class Relay:
    """Publish the records of a stream to a topic."""

    def __init__(self, reader: StreamReader, sns: Any, topic_arn: str) -> None:
        self._reader = reader
        self._sns = sns
        self._topic = topic_arn
        self._published: dict[str, None] = {}

    def run(self, stop: threading.Event) -> None:
        """Publish records until `stop` is set."""
        for records in self._reader.follow(stop):
            due = [record for record in records or () if self._is_due(record)]
            for batch in _batches(due):
                self._publish(batch.values(), stop)
                self._remember(batch)

    def _is_due(self, record: Record) -> bool:
        """Return False for records without subscription, and for those that are read again.

        The reader reads records again when this process starts, and after a trim.
        """
        return passes_filter(record) and record["eventID"] not in self._published

    def _remember(self, event_ids: Iterable[str]) -> None:
        self._published.update(dict.fromkeys(event_ids))
        while len(self._published) > REMEMBERED:
            del self._published[next(iter(self._published))]

    def _publish(self, messages: Iterable[str], stop: threading.Event) -> None:
        """Publish messages until none fails: one that is left out would be lost."""
        entries = [{"Id": str(i), "Message": message} for i, message in enumerate(messages)]
        # Not a retry library: each attempt has other entries, and `stop` ends the wait.
        while entries and not stop.is_set():
            try:
                answer = self._sns.publish_batch(
                    TopicArn=self._topic, PublishBatchRequestEntries=entries
                )
                failed = {entry["Id"] for entry in answer.get("Failed", [])}
                entries = [entry for entry in entries if entry["Id"] in failed]
            except (ClientError, BotoCoreError) as error:
                log.warning("relay.publish_failed", reason=type(error).__name__)
            if entries:
                stop.wait(RETRY_INTERVAL)


def _batches(records: Iterable[Record]) -> Iterator[Mapping[str, str]]:
    """Yield messages by the event's id, as many as one call of PublishBatch takes.

    A record that is too large is left out and logged: it would block all others for ever. The pipe
    gives up on it, too.
    """
    batch: dict[str, str] = {}
    size = 0
    for record in records:
        message = json.dumps(record, default=str)  # one byte a character
        if len(message) > BATCH_BYTES:
            pk = record["dynamodb"]["Keys"]["pk"]["S"]
            log.error("relay.record_too_large", item=pk, size=len(message), limit=BATCH_BYTES)
            continue
        if len(batch) == BATCH_SIZE or size + len(message) > BATCH_BYTES:
            yield batch
            batch, size = {}, 0
        batch[record["eventID"]] = message
        size += len(message)
    if batch:
        yield batch


def main() -> None:
    """Relay until SIGTERM."""
    settings = RelaySettings()
    telemetry.set_up("relay", style="json")
    session = boto3.Session(region_name=settings.aws_region)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    dynamodb = clients.dynamodb_client(session)
    streams = clients.streams_client(session)
    reader = StreamReader(streams, dynamodb, settings.table, "TRIM_HORIZON", POLL_INTERVAL)
    log.info("relay.started", table=settings.table)
    Relay(reader, clients.sns_client(session), settings.topic_arn).run(stop)


if __name__ == "__main__":
    main()
