"""Check that AWS services answer, by cheap calls that need no further permissions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

ABSENT_KEY = "health"
"""A key that no item and no object has."""


def s3_check(client: S3Client, bucket: str) -> Callable[[], None]:
    """Return a check that lists an empty prefix.

    403 passes, because some services may not list. A missing bucket does not pass.
    """

    def check() -> None:
        try:
            client.list_objects_v2(Bucket=bucket, Prefix=f"{ABSENT_KEY}/", MaxKeys=1)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 403:
                raise

    return check


def dynamodb_check(client: DynamoDBClient, table: str) -> Callable[[], None]:
    """Return a check that reads an absent item."""

    def check() -> None:
        client.get_item(TableName=table, Key={"pk": ABSENT_KEY})

    return check


def sqs_check(client: SQSClient, queue_url: str) -> Callable[[], None]:
    """Return a check that reads an attribute of the queue."""

    def check() -> None:
        client.get_queue_attributes(
            QueueUrl=queue_url, AttributeNames=["ApproximateNumberOfMessages"]
        )

    return check
