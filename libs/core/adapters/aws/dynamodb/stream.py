"""Read all shards of the table's stream, from now on.

Permissions: dynamodb:DescribeStream, GetShardIterator, GetRecords on the stream;
dynamodb:DescribeTable on the table.

A shard allows two readers and five reads a second. GetRecords may answer with no records many times
before there are some. Iterators expire after 15 minutes, records are trimmed after 24 hours. After
any such error the reader starts again, and reports the gap.
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
        self._iterators: dict[str, str] = {}
        self._known: set[str] = set()

    def follow(self, stop: threading.Event) -> Iterator[Sequence[Record] | None]:
        """Yield batches of records until `stop` is set, and None if some may have been missed.

        Errors of the stream are logged, not raised.
        """
        pause, interrupted = self._pause, False
        while not stop.is_set():
            try:
                if not self._known:
                    self._open(self._start)
                    # Records that were written during an interruption may have been missed.
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
                pause = min(pause * 2, MAX_PAUSE)
                continue
            yield records
            if not records:
                stop.wait(self._pause)

    def _open(self, start: Start) -> None:
        """Get iterators for all shards that are not known yet."""
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

    def _shards(self, arn: str) -> Iterator[ShardTypeDef]:
        request: DescribeStreamInputTypeDef = {"StreamArn": arn}
        while True:
            described = self._streams.describe_stream(**request)["StreamDescription"]
            yield from described["Shards"]
            if not described.get("LastEvaluatedShardId"):
                return
            request["ExclusiveStartShardId"] = described["LastEvaluatedShardId"]

    def _read(self) -> list[Record]:
        """Read every open shard once. When a shard has ended, open the shards that follow it."""
        records: list[Record] = []
        for shard_id, iterator in list(self._iterators.items()):
            answer = self._streams.get_records(ShardIterator=iterator, Limit=1000)
            records += cast("list[Record]", answer["Records"])
            following = answer.get("NextShardIterator")
            if following:
                self._iterators[shard_id] = following
            else:
                del self._iterators[shard_id]
                self._open("TRIM_HORIZON")
        return records
