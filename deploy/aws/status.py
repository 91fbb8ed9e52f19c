"""Show what runs, whether it is what was deployed, and whether it works."""

import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from deploy.aws.installation import STACKS_OF, WEB, Installation
from deploy.aws.stacks import Stacks
from libs.core.metrics import DIMENSION, NAMESPACE

UNKNOWN = "cannot be asked at this endpoint"
"""Text for what cannot be read from an emulator, which runs no tasks."""


def show(installation: Installation, stacks: Stacks, echo: Callable[[str], None]) -> bool:
    """Print the state of each service, the queue and the last sweep. Return True if all is well."""
    is_well = True
    for service, kind in [(name, kind) for name, kinds in STACKS_OF.items() for kind in kinds]:
        outputs = stacks.outputs(installation.stack(kind))
        wanted = outputs.get("ImageUri", "").rpartition("@")[2]
        if not wanted:
            echo(f"{kind:<11} not deployed")
            is_well = False
            continue
        running = running_digests(installation, kind, stacks)
        words = _compare(wanted, running)
        health = _health(outputs["Host"]) if kind in WEB and not installation.emulated else ""
        tags = image_tags(installation, service, wanted)
        echo(f"{kind:<11} {wanted[7:19]} {tags}{words}{health}")
        is_well &= words in ("running", UNKNOWN) and health in ("", ", ready")
    queued, converting = _backlog(installation)
    echo(f"queue       {queued} queued, {converting} running")
    echo(f"last sweep  {_last_sweep(installation)}")
    echo(f"alarms      {raised_alarms(installation, stacks)}")
    if waiting := unconfirmed_addresses(installation, stacks):
        echo(f"            {', '.join(waiting)} has not confirmed the mail, and gets no alarms")
    url = stacks.outputs(installation.stack("edge")).get("Url")
    echo(f"page        {url or 'not deployed'}")
    return is_well and url is not None


def image_tags(installation: Installation, service: str, digest: str) -> str:
    """Return the tags of an image in brackets, which are its commit; nothing if there are none."""
    if installation.emulated:
        return ""
    try:
        images = installation.client("ecr").describe_images(
            repositoryName=f"{installation.name}/{service}", imageIds=[{"imageDigest": digest}]
        )["imageDetails"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ImageNotFoundException":
            raise
        return "(no longer in the registry) "
    tags = ", ".join(tag for image in images for tag in image.get("imageTags", []))
    return f"({tags}) " if tags else ""


def running_digests(installation: Installation, kind: str, stacks: Stacks) -> set[str] | None:
    """Return the digests of the images that run; None if this endpoint cannot tell."""
    if installation.emulated:
        return None
    present = stacks.parameters(installation.stack("roles"))
    if kind in WEB and present.get("WebRuntime") == "apprunner":
        client = installation.client("apprunner")
        pages = client.list_services()["ServiceSummaryList"]
        name = f"{installation.name}-{kind}"
        arns = [each["ServiceArn"] for each in pages if each["ServiceName"] == name]
        services = [client.describe_service(ServiceArn=arn)["Service"] for arn in arns]
        images = [each["SourceConfiguration"]["ImageRepository"] for each in services]
        return {each["ImageIdentifier"].rpartition("@")[2] for each in images}
    ecs = installation.client("ecs")
    service = f"{installation.name}-{kind}"
    arns = ecs.list_tasks(cluster=installation.name, serviceName=service)["taskArns"]
    if not arns:
        return set()
    tasks = ecs.describe_tasks(cluster=installation.name, tasks=arns)["tasks"]
    return {each["imageDigest"] for task in tasks for each in task["containers"]}


def _compare(wanted: str, running: set[str] | None) -> str:
    if running is None:
        return UNKNOWN
    if not running:
        return "NOT RUNNING"
    if running == {wanted}:
        return "running"
    others = ", ".join(sorted(each[7:19] for each in running - {wanted}))
    return f"also running: {others}" if wanted in running else f"RUNNING {others} INSTEAD"


def _health(host: str) -> str:
    url = f"https://{host.removeprefix('https://').rstrip('/')}/health/ready"
    try:
        with urllib.request.urlopen(url, timeout=10):
            return ", ready"
    except (OSError, urllib.error.URLError) as error:
        return f", NOT READY ({error})"


def _backlog(installation: Installation) -> tuple[int, int]:
    """Count the queued and the running conversions in the index of open items."""
    client = installation.client("dynamodb")
    try:
        return _count(client, installation, "queued"), _count(client, installation, "running")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return 0, 0


def _count(client: Any, installation: Installation, state: str) -> int:
    pages = client.get_paginator("query").paginate(
        TableName=installation.name,
        IndexName="open",
        Select="COUNT",
        KeyConditionExpression="open_kind = :kind",
        ExpressionAttributeValues={":kind": {"S": f"conversion-{state}"}},
    )
    return sum(page["Count"] for page in pages)


def raised_alarms(installation: Installation, stacks: Stacks) -> str:
    """Return the names of the raised alarms that send mail. Others scale the workers."""
    prefix = f"{installation.name}-"
    topic = stacks.outputs(installation.stack("base")).get("AlarmTopicArn")
    pages = (
        installation.client("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmNamePrefix=prefix, StateValue="ALARM")
    )
    names = [
        each["AlarmName"].removeprefix(prefix)
        for page in pages
        for each in page["MetricAlarms"]
        if topic in each["AlarmActions"]
    ]
    return ", ".join(sorted(names)) or "none raised"


def unconfirmed_addresses(installation: Installation, stacks: Stacks) -> list[str]:
    """Return the addresses that AWS does not send alarms to yet."""
    topic = stacks.outputs(installation.stack("base")).get("AlarmTopicArn")
    if not topic:
        return []
    found = installation.client("sns").list_subscriptions_by_topic(TopicArn=topic)
    return [
        each["Endpoint"]
        for each in found["Subscriptions"]
        if each["SubscriptionArn"] == "PendingConfirmation"
    ]


def _last_sweep(installation: Installation) -> str:
    """Return when the janitor last reported a sweep to CloudWatch."""
    now = datetime.now(UTC)
    points = installation.client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName="Sweeps",
        Dimensions=[{"Name": DIMENSION, "Value": installation.name}],
        StartTime=now - timedelta(hours=24),
        EndTime=now,
        Period=300,
        Statistics=["Sum"],
    )["Datapoints"]
    if not points:
        return "none in the last 24 hours"
    latest = max(point["Timestamp"] for point in points)
    return f"{(now - latest).total_seconds() / 60:.0f} minutes ago"
