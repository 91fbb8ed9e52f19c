"""What an emulator's CloudFormation leaves out of the data template, put in place.

Each repair looks first and touches nothing that is there; on AWS and LocalStack there is nothing to do.
The values repeat `deploy/data.yaml` in the words of each service's API; a test holds the two together.
"""

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient

T = TypeVar("T")

TTL_ATTRIBUTE = "expires_at"

CORS_RULE: dict[str, Any] = {
    "ID": "page",
    "AllowedMethods": ["PUT", "GET", "HEAD"],
    "AllowedHeaders": ["*"],
    "ExposeHeaders": ["ETag", *(f"x-amz-checksum-{a}" for a in ("crc32", "crc32c", "crc64nvme", "sha1", "sha256"))],
    "MaxAgeSeconds": 3600,
}

LIFECYCLE_RULES: list[Any] = [
    {
        "ID": "abandoned-multipart-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
    },
    {"ID": "forgotten-uploads", "Status": "Enabled", "Filter": {"Prefix": "uploads/"}, "Expiration": {"Days": 8}},
    {"ID": "forgotten-outputs", "Status": "Enabled", "Filter": {"Prefix": "outputs/"}, "Expiration": {"Days": 8}},
]

UPLOAD_EVENTS = "s3:ObjectCreated:*"
UPLOAD_PREFIX = "uploads/"

CONVERSION_FILTER: dict[str, Any] = {
    "eventName": ["INSERT", "MODIFY"],
    "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "cnv_"}]}}, "NewImage": {"phase": {"S": ["queued"]}}},
}
JANITOR_FILTER: dict[str, Any] = {"eventName": ["REMOVE"]}


def expire_items(dynamodb: "DynamoDBClient", table: str) -> bool:
    """Have the table remove items past their `expires_at`. True if it did not yet."""
    status = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["TimeToLiveStatus"]
    if status in ("ENABLED", "ENABLING"):
        return False
    dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": TTL_ATTRIBUTE})
    return True


def open_bucket_to(s3: "S3Client", bucket: str, origins: Sequence[str]) -> bool:
    """Let pages of these origins put parts and get results. True if some could not yet."""
    rules = _missing_as_none(lambda: s3.get_bucket_cors(Bucket=bucket)["CORSRules"], "NoSuchCORSConfiguration")
    if any(set(origins) <= set(rule["AllowedOrigins"]) for rule in rules or []):
        return False
    rule: Any = {**CORS_RULE, "AllowedOrigins": list(origins)}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    return True


def expire_objects(s3: "S3Client", bucket: str) -> bool:
    """Give the bucket its lifecycle rules. True if it had none."""
    rules = _missing_as_none(lambda: s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"], "NoSuchLifecycleConfiguration")
    if rules:
        return False
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": LIFECYCLE_RULES})
    return True


def announce_uploads(s3: "S3Client", bucket: str, inbox_arn: str) -> bool:
    """Have the bucket tell the inbox of new objects under `uploads/`, and of nothing else. True if it did not."""
    present: Any = s3.get_bucket_notification_configuration(Bucket=bucket)
    rule = [{"Name": "prefix", "Value": UPLOAD_PREFIX}]
    for queue in present.get("QueueConfigurations", []):
        rules = queue.get("Filter", {}).get("Key", {}).get("FilterRules", [])
        # LocalStack capitalises the name of the rule.
        rules = [{"Name": one["Name"].lower(), "Value": one["Value"]} for one in rules]
        if queue["QueueArn"] == inbox_arn and UPLOAD_EVENTS in queue["Events"] and rules == rule:
            return False
    wanted: Any = {"QueueArn": inbox_arn, "Events": [UPLOAD_EVENTS], "Filter": {"Key": {"FilterRules": rule}}}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [wanted]})
    return True


def subscribe(sns: "SNSClient", topic: str, inbox_arn: str, wanted: dict[str, Any], dead_letters_arn: str) -> bool:
    """Have the inbox receive, raw, the changes that pass the filter. True if something of that was missing."""
    attributes = {
        # The scope before the policy: the policy is checked against it.
        "FilterPolicyScope": "MessageBody",
        "FilterPolicy": json.dumps(wanted),
        "RawMessageDelivery": "true",
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_letters_arn}),
    }
    found = [
        subscription["SubscriptionArn"]
        for page in sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        for subscription in page["Subscriptions"]
        if subscription["Endpoint"] == inbox_arn
    ]
    if not found:
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=inbox_arn, Attributes=attributes)
        return True
    present = sns.get_subscription_attributes(SubscriptionArn=found[0])["Attributes"]
    missing = {name: value for name, value in attributes.items() if not _same(present.get(name), value)}
    for name, value in missing.items():
        sns.set_subscription_attributes(SubscriptionArn=found[0], AttributeName=name, AttributeValue=value)
    return bool(missing)


def _same(present: str | None, wanted: str) -> bool:
    """Whether two attribute values mean the same: policies are JSON, which each emulator prints its own way."""
    if present is None or not wanted.startswith("{"):
        return present == wanted
    try:
        return bool(json.loads(present) == json.loads(wanted))
    except ValueError:
        return False


def _missing_as_none(read: Callable[[], T], code: str) -> T | None:
    """What `read` returns, or None when S3 answers that there is no such thing by this error code."""
    try:
        return read()
    except ClientError as error:
        if error.response["Error"]["Code"] == code:
            return None
        raise
