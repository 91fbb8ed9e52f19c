"""The table's stream, tailed: every shard, through splits, expired iterators and trimmed records.

Permissions: dynamodb:DescribeStream, GetShardIterator, GetRecords on the stream; dynamodb:DescribeTable on the table.

Considerations: a shard takes two readers and five reads a second. GetRecords may answer with nothing many times before
there is something. Iterators die after 15 minutes. None of it may end the reader: it starts anew and says so.
"""

from collections.abc import Iterator, Sequence
from threading import Event as Flag
from typing import Any, Literal

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from libs.core.adapters.aws.errors import code_of

log = structlog.get_logger(__name__)

Start = Literal["LATEST", "TRIM_HORIZON"]
Record = dict[str, Any]

LONGEST_PAUSE = 5.0
"""Seconds between tries while the stream is out of reach."""


class StreamReader:
    """Raw records of a table's stream, from `start` on; `pause` seconds lie between two reads that found nothing."""

    def __init__(
        self, streams: Any, dynamodb: Any, table: str, start: Start = "LATEST", pause: float = 0.25
    ) -> None:
        self._streams = streams
        self._dynamodb = dynamodb
        self._table = table
        self._start: Start = start
        self._pause = pause
        self._iterators: dict[str, str] = {}
        self._known: set[str] = set()

    def follow(self, stop: Flag) -> Iterator[Sequence[Record] | None]:
        """Batches of records until `stop` is set; None where some may have been missed. Never raises for the stream's faults."""
        pause, interrupted = self._pause, False
        while not stop.is_set():
            try:
                if not self._known:
                    self._open(self._start)
                    # From here on nothing is missed; what came while the stream was away may have been.
                    yield None if interrupted else []
                records = self._read()
                pause, interrupted = self._pause, False
            except (ClientError, BotoCoreError) as error:
                code = code_of(error) if isinstance(error, ClientError) else type(error).__name__
                log.warning("stream.interrupted", reason=code)
                self._iterators.clear()
                self._known.clear()
                interrupted = True
                yield None
                stop.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            yield records
            if not records:
                stop.wait(self._pause)

    def _open(self, start: Start) -> None:
        """Iterators for every shard not read yet: from `start`, and from their beginning for those that came since."""
        arn = self._dynamodb.describe_table(TableName=self._table)["Table"]["LatestStreamArn"]
        for shard in self._shards(arn):
            shard_id = shard["ShardId"]
            ended = "EndingSequenceNumber" in shard.get("SequenceNumberRange", {})
            if shard_id in self._known or (ended and start == "LATEST"):
                continue
            self._known.add(shard_id)
            self._iterators[shard_id] = self._streams.get_shard_iterator(
                StreamArn=arn, ShardId=shard_id, ShardIteratorType=start
            )["ShardIterator"]

    def _shards(self, arn: str) -> Iterator[dict[str, Any]]:
        request = {"StreamArn": arn}
        while True:
            described = self._streams.describe_stream(**request)["StreamDescription"]
            yield from described["Shards"]
            if not described.get("LastEvaluatedShardId"):
                return
            request["ExclusiveStartShardId"] = described["LastEvaluatedShardId"]

    def _read(self) -> list[Record]:
        """One read of every open shard. A shard that has ended makes room for those that follow it."""
        records: list[Record] = []
        for shard_id, iterator in list(self._iterators.items()):
            answer = self._streams.get_records(ShardIterator=iterator, Limit=1000)
            records += answer["Records"]
            following = answer.get("NextShardIterator")
            if following:
                self._iterators[shard_id] = following
            else:
                del self._iterators[shard_id]
                self._open("TRIM_HORIZON")
        return records
