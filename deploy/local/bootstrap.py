"""Bring up the bucket, table, topic and inboxes in an emulator, by the template that AWS gets too.

`python -m deploy.local.bootstrap` does it at AWS_ENDPOINT_URL, prints the outputs as JSON and exits; a second
run changes nothing. `--delete` takes it all down again, objects included.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import HTTPClientError

from deploy.local import cloudformation, repairs

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient

TEMPLATE = Path(__file__).resolve().parent.parent / "data.yaml"
DEFAULT_ORIGIN = "http://localhost:8000"


@dataclass(frozen=True)
class Clients:
    """The clients that bring a stack up or down."""

    cloudformation: "CloudFormationClient"
    dynamodb: "DynamoDBClient"
    s3: "S3Client"
    sns: "SNSClient"

    @classmethod
    def made_by(cls, make: Callable[..., Any]) -> "Clients":
        """All of them by a factory that takes the service's name, such as a session's `client`."""
        return cls(**{name: make(name) for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class StackOutputs:
    """What services are told of the stack, and what had to be added by hand."""

    bucket_name: str
    bucket_arn: str
    table_name: str
    table_arn: str
    table_stream_arn: str
    topic_arn: str
    conversion_inbox_url: str
    conversion_inbox_arn: str
    conversion_dead_letters_url: str
    conversion_dead_letters_arn: str
    janitor_inbox_url: str
    janitor_inbox_arn: str
    janitor_dead_letters_url: str
    janitor_dead_letters_arn: str
    pipe_dead_letters_url: str = ""
    """Empty where no pipe relays the stream."""
    added: tuple[str, ...] = ()
    """What the emulator left out of the template and this run put in place, a few words each."""


def ensure_stack(
    clients: Clients,
    name: str = "tinypixo",
    origins: Sequence[str] = (DEFAULT_ORIGIN,),
    relay: str = "external",
    target: str = "emulator",
) -> StackOutputs:
    """Create the stack, or update it if the template or a parameter changed, and repair what the emulator left out.

    `name` is that of the stack and the first word of all its resources. `origins` are those of the page. `relay` is
    `pipe`, or `external` when a process of ours carries the stream to the topic; `target` is `aws` or `emulator`.
    Idempotent; keeps all data. Raises `cloudformation.StackError`.
    """
    parameters = {"NamePrefix": name, "Target": target, "EventRelay": relay, "AllowedOrigins": ",".join(origins)}
    cloudformation.ensure(clients.cloudformation, name, TEMPLATE.read_text("utf-8"), parameters)
    fields = {field.replace("_", ""): field for field in StackOutputs.__dataclass_fields__}
    found: Any = {fields[key.lower()]: value for key, value in cloudformation.outputs(clients.cloudformation, name).items()}
    if target == "aws":
        return StackOutputs(**found)
    return StackOutputs(**found, added=_repair(clients, StackOutputs(**found), origins))


def delete_stack(clients: Clients, name: str = "tinypixo") -> None:
    """Delete the stack and all data in it; it need not exist. Raises `cloudformation.StackError`."""
    bucket = cloudformation.outputs(clients.cloudformation, name).get("BucketName")
    if bucket:
        empty_bucket(clients.s3, bucket)
    cloudformation.delete(clients.cloudformation, name)


def empty_bucket(s3: "S3Client", bucket: str) -> None:
    """Erase every object, every version of it, and every open multipart upload. The bucket stays."""
    for uploads in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in uploads.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        objects: Any = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
        if objects:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})


def _repair(clients: Clients, stack: StackOutputs, origins: Sequence[str]) -> tuple[str, ...]:
    """Put in place what is missing, and name it."""
    conversion = (stack.conversion_inbox_arn, repairs.CONVERSION_FILTER, stack.conversion_dead_letters_arn)
    janitor = (stack.janitor_inbox_arn, repairs.JANITOR_FILTER, stack.janitor_dead_letters_arn)
    done = {
        "TTL of the table": repairs.expire_items(clients.dynamodb, stack.table_name),
        "CORS of the bucket": repairs.open_bucket_to(clients.s3, stack.bucket_name, origins),
        "lifecycle of the bucket": repairs.expire_objects(clients.s3, stack.bucket_name),
        "bucket events": repairs.announce_uploads(clients.s3, stack.bucket_name, stack.conversion_inbox_arn),
        "subscription of the conversion inbox": repairs.subscribe(clients.sns, stack.topic_arn, *conversion),
        "subscription of the janitor inbox": repairs.subscribe(clients.sns, stack.topic_arn, *janitor),
    }
    return tuple(name for name, missing in done.items() if missing)


def _when_reachable(act: Callable[[], None], seconds: float) -> None:
    """Act once the endpoint answers; it may still be starting."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return act()
        except HTTPClientError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.bootstrap", description=__doc__)
    parser.add_argument("--name", default="tinypixo", help="of the stack, and first word of its resources")
    parser.add_argument("--origins", default=DEFAULT_ORIGIN, help="of the page, separated by commas")
    parser.add_argument("--relay", choices=("pipe", "external"), default="external")
    parser.add_argument("--wait", type=float, default=60, metavar="SECONDS", help="for the endpoint to answer")
    parser.add_argument("--delete", action="store_true", help="take the stack down, with everything in it")
    asked = parser.parse_args(given)
    # Without it boto3 would talk to AWS, and give it a stack made for emulators.
    if not os.environ.get("AWS_ENDPOINT_URL"):
        parser.error("AWS_ENDPOINT_URL is not set, for example http://localhost:4566")
    return asked


def main(given: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    asked = _arguments(given)
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    clients = Clients.made_by(boto3.Session(region_name=region).client)

    def act() -> None:
        if asked.delete:
            delete_stack(clients, asked.name)
        else:
            outputs = ensure_stack(clients, asked.name, asked.origins.split(","), asked.relay)
            print(json.dumps(asdict(outputs), indent=2))

    try:
        _when_reachable(act, asked.wait)
    except cloudformation.StackError as failure:
        print(f"the stack {asked.name} failed: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
