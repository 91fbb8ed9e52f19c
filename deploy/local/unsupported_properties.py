"""Set the resource properties that an emulator's CloudFormation ignores.

Each function returns True if it had to change something, and changes nothing that is right. The
values repeat `deploy/data.yaml` in the terms of each service's API; a test compares them.
"""

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient

T = TypeVar("T")

TTL_ATTRIBUTE = "expires_at"

CHECKSUMS = ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")
CORS_RULE: dict[str, Any] = {
    "ID": "page",
    "AllowedMethods": ["PUT", "POST", "GET", "HEAD"],
    "AllowedHeaders": ["*"],
    "ExposeHeaders": [
        "ETag",
        "Location",
        *(f"x-amz-checksum-{algorithm}" for algorithm in CHECKSUMS),
    ],
    "MaxAgeSeconds": 3600,
}

LIFECYCLE_RULES: list[Any] = [
    {
        "ID": "abandoned-multipart-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
    },
    {
        "ID": "forgotten-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": "uploads/"},
        "Expiration": {"Days": 8},
    },
    {
        "ID": "forgotten-outputs",
        "Status": "Enabled",
        "Filter": {"Prefix": "outputs/"},
        "Expiration": {"Days": 8},
    },
]

UPLOAD_EVENTS = "s3:ObjectCreated:*"
UPLOAD_PREFIX = "uploads/"

CONVERSION_FILTER: dict[str, Any] = {
    "eventName": ["INSERT", "MODIFY"],
    "dynamodb": {
        "Keys": {"pk": {"S": [{"prefix": "cnv_"}]}},
        "NewImage": {"phase": {"S": ["queued"]}},
    },
}
JANITOR_FILTER: dict[str, Any] = {
    "eventName": ["REMOVE"],
    "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "upl_"}, {"prefix": "cnv_"}]}}},
}


class InboxSubscription(NamedTuple):
    """Hold the subscription of one inbox to the topic."""

    inbox_arn: str
    filter_policy: dict[str, Any]
    dead_letters_arn: str


def enable_ttl(dynamodb: "DynamoDBClient", table: str) -> bool:
    """Have the table remove items whose `expires_at` has passed."""
    answer = dynamodb.describe_time_to_live(TableName=table)
    if answer["TimeToLiveDescription"]["TimeToLiveStatus"] in ("ENABLED", "ENABLING"):
        return False
    dynamodb.update_time_to_live(
        TableName=table,
        TimeToLiveSpecification={"Enabled": True, "AttributeName": TTL_ATTRIBUTE},
    )
    return True


def put_cors(s3: "S3Client", bucket: str, origins: Sequence[str]) -> bool:
    """Allow pages of these origins, and no others, to send parts and to read results."""
    rules = _none_if_missing(
        lambda: s3.get_bucket_cors(Bucket=bucket)["CORSRules"], "NoSuchCORSConfiguration"
    )
    if rules and all(set(rule["AllowedOrigins"]) == set(origins) for rule in rules):
        return False
    rule: Any = {**CORS_RULE, "AllowedOrigins": list(origins)}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    return True


def put_lifecycle(s3: "S3Client", bucket: str) -> bool:
    """Set the bucket's lifecycle rules if it has none."""
    rules = _none_if_missing(
        lambda: s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"],
        "NoSuchLifecycleConfiguration",
    )
    if rules:
        return False
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": LIFECYCLE_RULES}
    )
    return True


def put_notification(s3: "S3Client", bucket: str, inbox_arn: str) -> bool:
    """Have the bucket notify the inbox of new objects under `uploads/`, and of nothing else."""
    present: Any = s3.get_bucket_notification_configuration(Bucket=bucket)
    rule = [{"Name": "prefix", "Value": UPLOAD_PREFIX}]
    for queue in present.get("QueueConfigurations", []):
        rules = queue.get("Filter", {}).get("Key", {}).get("FilterRules", [])
        # LocalStack capitalises the name of the rule.
        rules = [{"Name": one["Name"].lower(), "Value": one["Value"]} for one in rules]
        if queue["QueueArn"] == inbox_arn and UPLOAD_EVENTS in queue["Events"] and rules == rule:
            return False
    wanted: Any = {
        "QueueArn": inbox_arn,
        "Events": [UPLOAD_EVENTS],
        "Filter": {"Key": {"FilterRules": rule}},
    }
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [wanted]}
    )
    return True


def subscribe(sns: "SNSClient", topic: str, subscription: InboxSubscription) -> bool:
    """Subscribe an inbox to the topic, with raw delivery and a filter on the message body."""
    attributes = {
        # The scope comes before the policy, which is validated against it.
        "FilterPolicyScope": "MessageBody",
        "FilterPolicy": json.dumps(subscription.filter_policy),
        "RawMessageDelivery": "true",
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": subscription.dead_letters_arn}),
    }
    arn = _subscription_arn(sns, topic, subscription.inbox_arn)
    if arn is None:
        sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=subscription.inbox_arn,
            Attributes=attributes,
        )
        return True
    present = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    different = {
        name: value
        for name, value in attributes.items()
        if not _is_equivalent(present.get(name), value)
    }
    for name, value in different.items():
        sns.set_subscription_attributes(
            SubscriptionArn=arn, AttributeName=name, AttributeValue=value
        )
    return bool(different)


def _subscription_arn(sns: "SNSClient", topic: str, endpoint: str) -> str | None:
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    for page in pages:
        for subscription in page["Subscriptions"]:
            if subscription["Endpoint"] == endpoint:
                return str(subscription["SubscriptionArn"])
    return None


def _is_equivalent(present: str | None, wanted: str) -> bool:
    """Return True if two attribute values mean the same. Emulators print JSON differently."""
    if present is None or not wanted.startswith("{"):
        return present == wanted
    try:
        return bool(json.loads(present) == json.loads(wanted))
    except ValueError:
        return False


def _none_if_missing(read: Callable[[], T], code: str) -> T | None:
    """Return what `read` returns, or None if S3 answers with this error code."""
    try:
        return read()
    except ClientError as error:
        if error.response["Error"]["Code"] == code:
            return None
        raise
