"""Create boto3 clients, all with short timeouts and botocore's retries.

botocore reads the endpoints itself, from `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_S3`
(`…_DYNAMODB`, `…_SQS`, `…_SNS`). An emulator differs from AWS by these, and by what `wiring` passes
on: path-style keys, and the endpoints of streams and of browsers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from libs.core.adapters.aws.clock import CLOCK

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

CONNECT_TIMEOUT = 2
"""Seconds. Connecting takes milliseconds; a dead network must not block a thread for long."""

MAX_LONG_POLL = 5
"""Seconds. The longest wait for a message; the read timeout of the SQS client is longer."""


@dataclass(frozen=True)
class Timeouts:
    """Limit one call: `read` in seconds for each attempt, and the number of attempts."""

    read: float
    attempts: int = 3


DYNAMODB_TIMEOUTS = Timeouts(2)
"""DynamoDB answers in milliseconds. A user learns within seconds that it does not."""
S3_TIMEOUTS = Timeouts(3)
"""For S3 calls without large bodies, and for services other than DynamoDB and SQS."""
S3_TRANSFER_TIMEOUTS = Timeouts(15)
"""For S3 calls that send megabytes, or assemble a thousand parts: S3 sends spaces meanwhile. All
attempts together end before nginx gives the request up, after 60 s."""
SQS_TIMEOUTS = Timeouts(MAX_LONG_POLL + 3, 2)
HEALTH_CHECK_TIMEOUTS = Timeouts(2, 1)


def aws_session(region: str) -> boto3.Session:
    """Create a session whose clients sign by AWS's time, also on a host with a wrong clock."""
    session = boto3.Session(region_name=region)
    CLOCK.watch(session)
    return session


def _config(timeouts: Timeouts, **more: Any) -> Config:
    return Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=timeouts.read,
        retries={"mode": "standard", "total_max_attempts": timeouts.attempts},
        max_pool_connections=64,
        **more,
    )


def s3_config(*, path_style: bool, timeouts: Timeouts) -> Config:
    """Return a configuration that presigns with SigV4 and the regional host.

    boto3's defaults are SigV2 and the global host. Checksums are calculated only where they are
    asked for: the default would put the CRC32 of an empty body into presigned URLs.
    """
    return _config(
        timeouts,
        signature_version="s3v4",
        s3={
            "addressing_style": "path" if path_style else "virtual",
            # Otherwise us-east-1 alone has the global host, which the page's policy does not allow.
            "us_east_1_regional_endpoint": "regional",
        },
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )


def dynamodb_client(
    session: boto3.Session, timeouts: Timeouts = DYNAMODB_TIMEOUTS
) -> DynamoDBClient:
    """Create the client of boto3's resource, which takes and returns Python values.

    Unlike the resource it is thread-safe, except for condition objects: see `dynamodb/updates.py`.
    """
    return session.resource("dynamodb", config=_config(timeouts)).meta.client


def streams_client(session: boto3.Session, *, endpoint: str | None = None) -> DynamoDBStreamsClient:
    """Create a client of DynamoDB Streams.

    `endpoint` is needed because botocore does not apply DynamoDB's endpoint to streams.
    """
    return session.client("dynamodbstreams", endpoint_url=endpoint, config=_config(S3_TIMEOUTS))


def sqs_client(session: boto3.Session, timeouts: Timeouts = SQS_TIMEOUTS) -> SQSClient:
    return session.client("sqs", config=_config(timeouts))


def sns_client(session: boto3.Session) -> SNSClient:
    return session.client("sns", config=_config(S3_TIMEOUTS))


def s3_client(
    session: boto3.Session,
    *,
    path_style: bool,
    endpoint: str | None = None,
    timeouts: Timeouts = S3_TRANSFER_TIMEOUTS,
) -> S3Client:
    """Create a client. `endpoint` is the one that browsers use, to presign URLs for them."""
    return session.client(
        "s3", endpoint_url=endpoint, config=s3_config(path_style=path_style, timeouts=timeouts)
    )
