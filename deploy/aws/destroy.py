"""Delete an installation, with everything that it stored."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from deploy.aws.deployment import ALL
from deploy.aws.installation import Installation
from deploy.aws.stacks import Stacks
from deploy.errors import DeployError
from deploy.local.bootstrap import empty_bucket

SECRETS = ("session-secret", "origin-secret", "janitor-token")


def destroy(installation: Installation, stacks: Stacks, echo: Callable[[str], None]) -> None:
    """Delete all stacks in reverse order, with their buckets, images and secrets.

    A repeated call continues. Raises DeployError if something is left.
    """
    for kind in reversed(ALL):
        name = installation.stack(kind)
        for key in ("BucketName", "PageBucketName"):
            if bucket := stacks.outputs(name).get(key):
                echo(f"{bucket}: deleting all objects")
                _empty(installation.client("s3"), bucket)
        stacks.delete(name)
    _delete_secrets(installation)
    _delete_task_definitions(installation, echo)
    left = [kind for kind in ALL if stacks.status(installation.stack(kind))]
    if left:
        raise DeployError(f"These stacks are left: {', '.join(left)}. Run it again.")
    echo("Nothing is left.")


def _empty(s3: Any, bucket: str) -> None:
    try:
        empty_bucket(s3, bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise


def _delete_secrets(installation: Installation) -> None:
    """Delete the secrets at once: otherwise their names are blocked for up to 30 days."""
    client = installation.client("secretsmanager")
    for secret in SECRETS:
        try:
            client.delete_secret(
                SecretId=f"{installation.name}/{secret}", ForceDeleteWithoutRecovery=True
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise


def _delete_task_definitions(installation: Installation, echo: Callable[[str], None]) -> None:
    """Delete the task definitions, which CloudFormation only takes out of use."""
    if installation.emulated:
        echo("This endpoint has no ECS: no task definitions to delete.")
        return
    ecs = installation.client("ecs")
    pages = ecs.get_paginator("list_task_definitions").paginate(
        familyPrefix=f"{installation.name}-", status="INACTIVE"
    )
    arns = [arn for page in pages for arn in page["taskDefinitionArns"]]
    for start in range(0, len(arns), 10):
        ecs.delete_task_definitions(taskDefinitions=arns[start : start + 10])
