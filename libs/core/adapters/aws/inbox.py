"""Inbox on one SQS queue.

Permissions: sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility on the queue.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from botocore.exceptions import ClientError

from libs.core.adapters.aws.errors import code_of, translate_errors
from libs.core.adapters.aws.messages import UnreadableMessage, parse_message
from libs.core.ports.inbox import Inbox, Message

log = structlog.get_logger(__name__)

_STALE = {
    "ReceiptHandleIsInvalid",
    "InvalidParameterValue",
    "MessageNotInflight",
    "AWS.SimpleQueueService.MessageNotInflight",
}
"""What SQS says of a receipt whose delivery is over: the message is somebody else's by now, or gone."""


class SqsInbox(Inbox):
    """`visibility` is the time-out of a delivery in seconds."""

    def __init__(self, client: Any, queue_url: str, visibility: float) -> None:
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
        return [_message(raw) for raw in answer.get("Messages", [])]

    def delete(self, message: Message) -> None:
        with _stale_is_fine(), translate_errors("SQS"):
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt)

    def hide(self, message: Message, seconds: float) -> None:
        with _stale_is_fine(), translate_errors("SQS"):
            self._client.change_message_visibility(
                QueueUrl=self._url,
                ReceiptHandle=message.receipt,
                VisibilityTimeout=max(0, round(seconds)),
            )


def _message(raw: dict[str, Any]) -> Message:
    count = int(raw.get("Attributes", {}).get("ApproximateReceiveCount", 1))
    try:
        return Message(parse_message(raw["Body"]), True, raw["ReceiptHandle"], count)
    except UnreadableMessage as error:
        log.warning(
            "message.unreadable",
            reason=str(error),
            receive_count=count,
            message_id=raw.get("MessageId"),
        )
        return Message((), False, raw["ReceiptHandle"], count)


@contextmanager
def _stale_is_fine() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if code_of(error) not in _STALE:
            raise
