"""Deploy the data stack in an emulator, with the template that is also for AWS.

`python -m deploy.local.bootstrap` deploys to AWS_ENDPOINT_URL and prints the outputs as JSON. A
second run changes nothing. `--delete` deletes the stack and everything in it.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import stamina
import stamina.instrumentation
from botocore.exceptions import HTTPClientError

from deploy.errors import DeployError
from deploy.local import cloudformation, unsupported_properties

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient

TEMPLATE = Path(__file__).resolve().parent.parent / "data.yaml"
DEFAULT_ORIGIN = "http://localhost:8000"


@dataclass(frozen=True)
class Clients:
    """Hold the boto3 clients that deploy and delete a stack."""

    cloudformation: "CloudFormationClient"
    dynamodb: "DynamoDBClient"
    s3: "S3Client"
    sns: "SNSClient"

    @classmethod
    def create(cls, factory: Callable[..., Any]) -> "Clients":
        """Create all clients with a factory that takes a service name, such as `Session.client`."""
        return cls(**{name: factory(name) for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class StackOutputs:
    """Hold the outputs of the data stack."""

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
    """Empty if the stack has no pipe."""
    added: tuple[str, ...] = ()
    """Names the properties that the emulator ignored in the template and that were set
    afterwards."""


def deploy_stack(
    clients: Clients,
    name: str = "tinypixo",
    origins: Sequence[str] = (DEFAULT_ORIGIN,),
    relay: str = "external",
    target: str = "emulator",
) -> StackOutputs:
    """Create the stack, or update it if the template or a parameter has changed.

    All data is kept. On an emulator the properties that it ignores are set afterwards.

    Args:
        clients: The clients of the account or emulator.
        name: The name of the stack and the prefix of its resources.
        origins: The origins of the page.
        relay: `pipe` for an EventBridge Pipe, `external` if a process of ours relays the stream.
        target: `aws` or `emulator`.

    Raises:
        DeployError: The stack could not be created or updated.
    """
    parameters = {
        "NamePrefix": name,
        "Target": target,
        "EventRelay": relay,
        "AllowedOrigins": ",".join(origins),
    }
    cloudformation.deploy(clients.cloudformation, name, TEMPLATE.read_text("utf-8"), parameters)
    fields = {field.replace("_", ""): field for field in StackOutputs.__dataclass_fields__}
    outputs = cloudformation.get_outputs(clients.cloudformation, name)
    values: Any = {fields[key.lower()]: value for key, value in outputs.items()}
    if target == "aws":
        return StackOutputs(**values)
    added = _set_unsupported_properties(clients, StackOutputs(**values), origins)
    return StackOutputs(**values, added=added)


def delete_stack(clients: Clients, name: str = "tinypixo") -> None:
    """Delete the stack and all data in it. Does nothing if there is none. Raises DeployError."""
    bucket = cloudformation.get_outputs(clients.cloudformation, name).get("BucketName")
    if bucket:
        empty_bucket(clients.s3, bucket)
    cloudformation.delete(clients.cloudformation, name)


def empty_bucket(s3: "S3Client", bucket: str) -> None:
    """Delete every object version and abort every multipart upload of a bucket."""
    for uploads in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in uploads.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        objects: Any = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
        if objects:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})


def _set_unsupported_properties(
    clients: Clients, stack: StackOutputs, origins: Sequence[str]
) -> tuple[str, ...]:
    """Set the properties that the emulator ignored, and return the names of those."""
    properties = unsupported_properties
    bucket, topic = stack.bucket_name, stack.topic_arn
    conversion = properties.InboxSubscription(
        stack.conversion_inbox_arn,
        properties.CONVERSION_FILTER,
        stack.conversion_dead_letters_arn,
    )
    janitor = properties.InboxSubscription(
        stack.janitor_inbox_arn, properties.JANITOR_FILTER, stack.janitor_dead_letters_arn
    )
    inbox = stack.conversion_inbox_arn
    changed = {
        "TTL of the table": properties.enable_ttl(clients.dynamodb, stack.table_name),
        "CORS of the bucket": properties.put_cors(clients.s3, bucket, origins),
        "lifecycle of the bucket": properties.put_lifecycle(clients.s3, bucket),
        "bucket events": properties.put_notification(clients.s3, bucket, inbox),
        "subscription of the conversion inbox": properties.subscribe(
            clients.sns, topic, conversion
        ),
        "subscription of the janitor inbox": properties.subscribe(clients.sns, topic, janitor),
    }
    return tuple(name for name, is_changed in changed.items() if is_changed)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.bootstrap", description=__doc__)
    parser.add_argument("--name", default="tinypixo", help="name of the stack")
    parser.add_argument(
        "--origins", default=DEFAULT_ORIGIN, help="origins of the page, separated by commas"
    )
    parser.add_argument("--relay", choices=("pipe", "external"), default="external")
    parser.add_argument(
        "--wait",
        type=float,
        default=60,
        metavar="SECONDS",
        help="how long to wait for the endpoint",
    )
    parser.add_argument(
        "--delete", action="store_true", help="delete the stack and everything in it"
    )
    options = parser.parse_args(arguments)
    # Without it boto3 would call AWS, and deploy there a stack that is meant for emulators.
    if not os.environ.get("AWS_ENDPOINT_URL"):
        parser.error("AWS_ENDPOINT_URL is not set. Example: http://localhost:4566")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and return the exit status."""
    options = _parse(arguments)
    environment = os.environ
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1"
    clients = Clients.create(boto3.Session(region_name=region).client)

    stamina.instrumentation.set_on_retry_hooks([])  # stdout is for the outputs

    # The endpoint may still be starting.
    @stamina.retry(
        on=HTTPClientError, attempts=None, timeout=options.wait, wait_initial=0.5, wait_max=2.0
    )
    def run() -> None:
        if options.delete:
            delete_stack(clients, options.name)
        else:
            outputs = deploy_stack(clients, options.name, options.origins.split(","), options.relay)
            print(json.dumps(asdict(outputs), indent=2))

    try:
        run()
    except DeployError as error:
        print(f"The stack {options.name} failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
