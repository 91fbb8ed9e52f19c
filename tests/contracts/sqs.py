"""Provide SQS queues for the tests of the inbox."""

import json
import os
import secrets
import time
from typing import Any

from libs.core.adapters.aws.inbox import SqsInbox
from libs.core.domain.events import FileUploaded
from libs.core.domain.uploads import source_key
from tests.contracts.backend import InboxHarness

NAME = os.environ.get("TINYPIXO_TEST_NAME", "tests")
"""Prefix of all names: `make test-aws` finds by it what a killed run has left."""


class SqsHarness(InboxHarness):
    """Provide an SQS queue with a dead-letter queue."""

    def __init__(self, sqs: Any, visibility: float, max_receives: int) -> None:
        self._sqs = sqs
        name = f"{NAME}-{secrets.token_hex(6)}"
        self._dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self._dead, AttributeNames=["QueueArn"])[
            "Attributes"
        ]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": max_receives})
        self._url = sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": redrive})[
            "QueueUrl"
        ]
        self.inbox = SqsInbox(sqs, self._url, visibility)

    def send(self, event: FileUploaded) -> None:
        key = source_key(event.upload_id).replace("/", "%2F")
        self.send_raw(
            json.dumps(
                {"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": {"key": key}}}]}
            )
        )

    def send_unreadable(self) -> None:
        self.send_raw("nonsense")

    def send_raw(self, body: str) -> None:
        """Send a message with this body."""
        self._sqs.send_message(QueueUrl=self._url, MessageBody=body)

    def dead_letters(self) -> int:
        return len(
            self._sqs.receive_message(QueueUrl=self._dead, WaitTimeSeconds=1).get("Messages", [])
        )

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def close(self) -> None:
        for url in (self._url, self._dead):
            self._sqs.delete_queue(QueueUrl=url)
