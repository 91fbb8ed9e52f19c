"""Receive messages from an SQS queue.

Permissions: sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility on the queue.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import structlog
from botocore.exceptions import ClientError

from libs.core.adapters.aws.errors import code_of, translate_errors
from libs.core.adapters.aws.messages import UnreadableMessage, parse_message
from libs.core.ports.inbox import Inbox, Message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import DeleteMessageBatchRequestEntryTypeDef

log = structlog.get_logger(__name__)

_STALE_RECEIPT = {
    "ReceiptHandleIsInvalid",
    "InvalidParameterValue",
    "MessageNotInflight",
    "AWS.SimpleQueueService.MessageNotInflight",
}
"""SQS's errors for the receipt of a delivery that has ended."""


class SqsInbox(Inbox):
    """Use one queue. `visibility` is the visibility timeout in seconds."""

    def __init__(self, client: SQSClient, queue_url: str, visibility: float) -> None:
        self._client = client
        self._url = queue_url
        self._visibility = max(1, round(visibility))

    def receive(self, limit: int, wait: float) -> Sequence[Message]:
        with translate_errors("SQS"):
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=limit,
                WaitTimeSeconds=round(wait),
                VisibilityTimeout=self._visibility,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        return [_decode(raw) for raw in answer.get("Messages", [])]

    def delete(self, message: Message) -> None:
        with _ignore_stale_receipts(), translate_errors("SQS"):
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt)

    def hide(self, message: Message, seconds: float) -> None:
        with _ignore_stale_receipts(), translate_errors("SQS"):
            self._client.change_message_visibility(
                QueueUrl=self._url,
                ReceiptHandle=message.receipt,
                VisibilityTimeout=max(0, round(seconds)),
            )

    def delete_many(self, messages: Sequence[Message]) -> None:
        entries: list[DeleteMessageBatchRequestEntryTypeDef] = [
            {"Id": str(number), "ReceiptHandle": message.receipt}
            for number, message in enumerate(messages)
        ]
        with translate_errors("SQS"):
            answer = self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)
        # An answer of 200 may name messages that were not deleted.
        for failed in answer.get("Failed", []):
            log.info("inbox.message_not_deleted", code=failed.get("Code"))


def _decode(raw: Mapping[str, Any]) -> Message:
    count = int(raw.get("Attributes", {}).get("ApproximateReceiveCount", 1))
    try:
        return Message(parse_message(raw["Body"]), True, raw["ReceiptHandle"], count)
    except UnreadableMessage as error:
        log.warning(
            "inbox.message_unreadable",
            reason=str(error),
            receive_count=count,
            message_id=raw.get("MessageId"),
        )
        return Message((), False, raw["ReceiptHandle"], count)


@contextmanager
def _ignore_stale_receipts() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if code_of(error) not in _STALE_RECEIPT:
            raise
