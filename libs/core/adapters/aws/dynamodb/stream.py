"""Read all shards of the table's stream, from now on or from its beginning.

Permissions: dynamodb:DescribeStream, GetShardIterator, GetRecords on the stream;
dynamodb:DescribeTable on the table.

A shard allows two readers and five reads a second. GetRecords may answer with no records many times
before there are some. Iterators expire after 15 minutes, records are trimmed after 24 hours. After
any such error the reader continues after the last record that it has read, and reports a gap.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from libs.core.adapters.aws.errors import code_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_dynamodbstreams.type_defs import DescribeStreamInputTypeDef, ShardTypeDef

log = structlog.get_logger(__name__)

Start = Literal["LATEST", "TRIM_HORIZON"]
Record = dict[str, Any]

MAX_PAUSE = 5.0
"""Maximum seconds between tries while the stream cannot be read."""


class StreamReader:
    """Yield raw records from `start` on, waiting `pause` seconds after reads without records."""

    def __init__(
        self,
        streams: DynamoDBStreamsClient,
        dynamodb: DynamoDBClient,
        table: str,
        start: Start = "LATEST",
        pause: float = 0.25,
    ) -> None:
        self._streams = streams
        self._dynamodb = dynamodb
        self._table = table
        self._start: Start = start
        self._pause = pause
        self._is_started = False
        self._iterators: dict[str, str] = {}
        self._positions: dict[str, str] = {}
        """Sequence number of the last record that was yielded, by shard."""
        self._at_latest: set[str] = set()
        self._finished: set[str] = set()
        """Shards that have no further records for this reader."""

    def follow(self, stop: threading.Event) -> Iterator[Sequence[Record] | None]:
        """Yield batches of records until `stop` is set, and None if some may have been missed.

        A batch is of one shard, so that a backlog is never in memory as a whole. Errors of the
        stream are logged, not raised.
        """
        pause, is_open, is_interrupted = self._pause, False, False
        while not stop.is_set():
            has_records = False
            try:
                if not is_open:
                    self._open_shards()
                    is_open = True
                    # Records that were written during an interruption may have been missed.
                    yield None if is_interrupted else []
                    is_interrupted = False
                for records in self._read():
                    has_records = True
                    yield records
                pause = self._pause
            except (ClientError, BotoCoreError) as error:
                code = code_of(error) if isinstance(error, ClientError) else type(error).__name__
                log.warning("stream.interrupted", reason=code)
                self._iterators.clear()
                if code == "TrimmedDataAccessException":
                    self._positions.clear()
                is_open, is_interrupted = False, True
                yield None
                stop.wait(pause)
                pause = min(pause * 2, MAX_PAUSE)
                continue
            if not has_records:
                yield []
                stop.wait(self._pause)

    def _open_shards(self) -> None:
        """Get iterators for the shards that are due: a child comes after its parent has ended."""
        arn = self._dynamodb.describe_table(TableName=self._table)["Table"]["LatestStreamArn"]
        shards = {shard["ShardId"]: shard for shard in self._shards(arn)}
        self._finished &= shards.keys()
        if not self._is_started and self._start == "LATEST":
            # Without this, the next roll-over would read 24 hours of closed shards.
            self._finished |= {name for name, shard in shards.items() if _has_ended(shard)}
        for shard_id, shard in shards.items():
            parent = shard.get("ParentShardId")
            is_due = parent not in shards or parent in self._finished
            if is_due and shard_id not in self._finished and shard_id not in self._iterators:
                self._iterators[shard_id] = self._iterator(arn, shard_id)
        self._is_started = True

    def _iterator(self, arn: str, shard_id: str) -> str:
        """Return an iterator that continues where this reader stopped.

        A shard that was created since the start is read from its beginning.
        """
        if position := self._positions.get(shard_id):
            answer = self._streams.get_shard_iterator(
                StreamArn=arn,
                ShardId=shard_id,
                ShardIteratorType="AFTER_SEQUENCE_NUMBER",
                SequenceNumber=position,
            )
            return answer["ShardIterator"]
        if not self._is_started and self._start == "LATEST":
            self._at_latest.add(shard_id)
        answer = self._streams.get_shard_iterator(
            StreamArn=arn,
            ShardId=shard_id,
            ShardIteratorType="LATEST" if shard_id in self._at_latest else "TRIM_HORIZON",
        )
        return answer["ShardIterator"]

    def _shards(self, arn: str) -> Iterator[ShardTypeDef]:
        request: DescribeStreamInputTypeDef = {"StreamArn": arn}
        while True:
            described = self._streams.describe_stream(**request)["StreamDescription"]
            yield from described["Shards"]
            if not described.get("LastEvaluatedShardId"):
                return
            request["ExclusiveStartShardId"] = described["LastEvaluatedShardId"]

    def _read(self) -> Iterator[list[Record]]:
        """Read every open shard once, and open the shards that follow one that has ended."""
        for shard_id, iterator in list(self._iterators.items()):
            answer = self._streams.get_records(ShardIterator=iterator, Limit=1000)
            records = cast("list[Record]", answer["Records"])
            following = answer.get("NextShardIterator")
            if following:
                self._iterators[shard_id] = following
            else:
                del self._iterators[shard_id]
                self._finished.add(shard_id)
            if records:
                self._positions[shard_id] = records[-1]["dynamodb"]["SequenceNumber"]
                yield records
            if not following:
                self._positions.pop(shard_id, None)
                self._open_shards()


def _has_ended(shard: ShardTypeDef) -> bool:
    return "EndingSequenceNumber" in shard.get("SequenceNumberRange", {})
