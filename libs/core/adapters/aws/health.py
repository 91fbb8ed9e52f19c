"""Whether AWS answers, by calls that cost next to nothing and need no more rights than the service has."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

NO_ID = "health"
"""A key that nothing has."""


def s3_check(client: Any, bucket: str) -> Callable[[], None]:
    """Lists nothing: 403 (for who may not list) is an answer too; no such bucket is not."""

    def check() -> None:
        try:
            client.list_objects_v2(Bucket=bucket, Prefix=f"{NO_ID}/", MaxKeys=1)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 403:
                raise

    return check


def dynamodb_check(client: Any, table: str) -> Callable[[], None]:
    def check() -> None:
        client.get_item(TableName=table, Key={"pk": NO_ID})

    return check


def sqs_check(client: Any, queue_url: str) -> Callable[[], None]:
    def check() -> None:
        client.get_queue_attributes(
            QueueUrl=queue_url, AttributeNames=["ApproximateNumberOfMessages"]
        )

    return check
