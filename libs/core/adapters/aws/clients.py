"""One client of each kind per process, all alike: short time-outs, retries in one layer.

Endpoints are botocore's own business: `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_S3` (…`_DYNAMODB`, `_SQS`, `_SNS`)
are read by it, which is what makes an emulator and AWS the same to us.
"""

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

CONNECT_TIMEOUT = 2
"""Seconds. A network that is there connects in milliseconds; one that is not must not hold a thread."""

LONG_POLL = 5
"""Seconds: the longest that SQS waits for a message; the time-out of its client must lie above."""


@dataclass(frozen=True)
class Timeouts:
    """Seconds that an answer may take to begin, and how often it is asked for: a person waits for the product of both."""

    read: float
    attempts: int = 3


QUICK = Timeouts(2)
"""DynamoDB answers in milliseconds; who must be told "not now" is told within seconds."""
ANSWER = Timeouts(3)
"""S3 and the rest, where the answer is small."""
BULK = Timeouts(20)
"""S3, when it has megabytes to take or a thousand parts to put together."""
POLL = Timeouts(LONG_POLL + 3, 2)
PROBE = Timeouts(2, 1)
"""Whether somebody is there at all."""


def _config(patience: Timeouts, **more: Any) -> Config:
    return Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=patience.read,
        retries={"mode": "standard", "total_max_attempts": patience.attempts},
        max_pool_connections=64,
        **more,
    )


def s3_config(*, path_style: bool, patience: Timeouts) -> Config:
    """SigV4 and the regional host, which are not what boto3 presigns by default.

    Checksums only where we ask for them: the defaults would bake the CRC32 of an empty body into presigned URLs.
    """
    return _config(
        patience,
        signature_version="s3v4",
        s3={"addressing_style": "path" if path_style else "virtual"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )


def dynamodb_client(session: boto3.Session, patience: Timeouts = QUICK) -> Any:
    """The client behind boto3's resource: it takes and gives Python values, and is thread-safe: but see `updates.py` on conditions."""
    return session.resource("dynamodb", config=_config(patience)).meta.client


def streams_client(session: boto3.Session, *, endpoint: str | None = None) -> Any:
    """`endpoint` because botocore takes the streams for another service, which DynamoDB's own endpoint does not cover."""
    return session.client("dynamodbstreams", endpoint_url=endpoint, config=_config(ANSWER))


def sqs_client(session: boto3.Session, patience: Timeouts = POLL) -> Any:
    return session.client("sqs", config=_config(patience))


def sns_client(session: boto3.Session) -> Any:
    return session.client("sns", config=_config(ANSWER))


def s3_client(
    session: boto3.Session,
    *,
    path_style: bool,
    endpoint: str | None = None,
    patience: Timeouts = BULK,
) -> Any:
    """`endpoint` where it is not the one that the environment says: the one that browsers use, for presigning."""
    return session.client(
        "s3", endpoint_url=endpoint, config=s3_config(path_style=path_style, patience=patience)
    )
