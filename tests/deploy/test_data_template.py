"""Test that the data template is valid, deploys, keeps its data and deletes."""

import json
import subprocess
import sys
from typing import Any

import pytest
from cfnlint.decode import cfn_yaml  # type: ignore[import-untyped]

from deploy.local import cloudformation
from deploy.local import unsupported_properties as properties
from deploy.local.bootstrap import TEMPLATE, Clients, delete_stack, deploy_stack

NAME = "tinypixo"


@pytest.fixture(scope="module")
def resources() -> Any:
    return cfn_yaml.load(str(TEMPLATE))["Resources"]


def test_data_template_passes_cfn_lint_including_hints() -> None:
    command = [
        sys.executable,
        "-c",
        "from cfnlint.runner import main; main()",
        "--include-checks",
        "I",
        "--template",
        str(TEMPLATE),
    ]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_bucket_blocks_public_access_in_all_four_ways(resources: Any) -> None:
    blocks = resources["Bucket"]["Properties"]["PublicAccessBlockConfiguration"]

    assert len(blocks) == 4
    assert all(blocks.values())


@pytest.mark.parametrize("queue", ["ConversionInbox", "JanitorInbox"])
def test_dead_letter_queue_retains_messages_longer_than_its_inbox(
    resources: Any, queue: str
) -> None:
    inbox = resources[queue]["Properties"]
    dead_letters = resources[queue.replace("Inbox", "DeadLetters")]["Properties"]

    assert inbox["RedrivePolicy"]["maxReceiveCount"] > 1
    assert dead_letters["MessageRetentionPeriod"] > inbox["MessageRetentionPeriod"]


def test_queue_policies_restrict_the_source_of_messages(resources: Any) -> None:
    policies = [
        each["Properties"] for each in resources.values() if each["Type"] == "AWS::SQS::QueuePolicy"
    ]

    for statement in [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]:
        assert "aws:SourceArn" in statement["Condition"]["ArnEquals"]


def test_pipe_moves_a_failing_record_to_its_dead_letters(resources: Any) -> None:
    stream = resources["Pipe"]["Properties"]["SourceParameters"]["DynamoDBStreamParameters"]

    assert 0 < stream["MaximumRetryAttempts"] <= 10
    assert 0 < stream["MaximumRecordAgeInSeconds"] <= 3600
    assert "DeadLetterConfig" in stream


def test_unsupported_properties_have_the_values_of_the_template(resources: Any) -> None:
    bucket = resources["Bucket"]["Properties"]
    cors = bucket["CorsConfiguration"]["CorsRules"][0]
    filters = {
        name: resources[f"{name}Subscription"]["Properties"]["FilterPolicy"]
        for name in ("Conversion", "Janitor")
    }
    notification = bucket["NotificationConfiguration"]["QueueConfigurations"][0]

    assert (
        resources["Table"]["Properties"]["TimeToLiveSpecification"]["AttributeName"]
        == properties.TTL_ATTRIBUTE
    )
    assert (cors["AllowedMethods"], cors["AllowedHeaders"]) == (
        properties.CORS_RULE["AllowedMethods"],
        properties.CORS_RULE["AllowedHeaders"],
    )
    assert (cors["ExposedHeaders"], cors["MaxAge"]) == (
        properties.CORS_RULE["ExposeHeaders"],
        properties.CORS_RULE["MaxAgeSeconds"],
    )
    assert filters == {
        "Conversion": properties.CONVERSION_FILTER,
        "Janitor": properties.JANITOR_FILTER,
    }
    assert notification["Event"] == properties.UPLOAD_EVENTS
    assert notification["Filter"]["S3Key"]["Rules"] == [
        {"Name": "prefix", "Value": properties.UPLOAD_PREFIX}
    ]
    assert [rule["Id"] for rule in bucket["LifecycleConfiguration"]["Rules"]] == [
        rule["ID"] for rule in properties.LIFECYCLE_RULES
    ]


@pytest.mark.slow
@pytest.mark.parametrize("relay", ["pipe", "external"])
@pytest.mark.parametrize("target", ["aws", "emulator"])
def test_data_stack_deploys_and_deletes_all_its_resources(
    clients: Clients, target: str, relay: str
) -> None:
    parameters = {
        "NamePrefix": NAME,
        "Target": target,
        "EventRelay": relay,
        "AllowedOrigins": "https://example.org",
    }

    cloudformation.deploy(clients.cloudformation, NAME, TEMPLATE.read_text("utf-8"), parameters)
    outputs = cloudformation.get_outputs(clients.cloudformation, NAME)
    cloudformation.delete(clients.cloudformation, NAME)

    assert ("PipeDeadLettersUrl" in outputs) == (relay == "pipe")
    assert clients.s3.list_buckets()["Buckets"] == []
    assert clients.dynamodb.list_tables()["TableNames"] == []
    assert clients.sns.list_topics()["Topics"] == []
    assert cloudformation.get_outputs(clients.cloudformation, NAME) == {}


def test_deploy_adds_ignored_properties_and_reports_them(clients: Clients) -> None:
    stack = deploy_stack(clients, NAME, origins=["https://example.org"])

    status = clients.dynamodb.describe_time_to_live(TableName=stack.table_name)[
        "TimeToLiveDescription"
    ]
    rule = clients.s3.get_bucket_cors(Bucket=stack.bucket_name)["CORSRules"][0]
    subscriptions = clients.sns.list_subscriptions_by_topic(TopicArn=stack.topic_arn)[
        "Subscriptions"
    ]
    assert {"TTL of the table", "CORS of the bucket"} <= set(stack.added)
    assert status["TimeToLiveStatus"] == "ENABLED"
    assert rule["AllowedOrigins"] == ["https://example.org"]
    assert {each["Endpoint"] for each in subscriptions} == {
        stack.conversion_inbox_arn,
        stack.janitor_inbox_arn,
    }


def test_second_deploy_changes_nothing_and_keeps_the_data(clients: Clients) -> None:
    first = deploy_stack(clients, NAME)
    clients.dynamodb.put_item(TableName=first.table_name, Item={"pk": {"S": "upl_1"}})
    clients.s3.put_object(Bucket=first.bucket_name, Key="uploads/upl_1", Body=b"bytes")

    second = deploy_stack(clients, NAME)

    assert second.added == ()
    assert second.table_stream_arn == first.table_stream_arn
    assert "Item" in clients.dynamodb.get_item(
        TableName=first.table_name, Key={"pk": {"S": "upl_1"}}
    )
    assert (
        clients.s3.get_object(Bucket=first.bucket_name, Key="uploads/upl_1")["Body"].read()
        == b"bytes"
    )


def test_second_deploy_replaces_the_allowed_origins(clients: Clients) -> None:
    deploy_stack(clients, NAME, origins=["https://one.example"])

    stack = deploy_stack(clients, NAME, origins=["https://two.example"])

    assert clients.s3.get_bucket_cors(Bucket=stack.bucket_name)["CORSRules"][0][
        "AllowedOrigins"
    ] == ["https://two.example"]


def test_deploy_restores_a_changed_filter_policy(clients: Clients) -> None:
    stack = deploy_stack(clients, NAME)
    subscriptions = clients.sns.list_subscriptions_by_topic(TopicArn=stack.topic_arn)[
        "Subscriptions"
    ]
    arn = next(
        each["SubscriptionArn"]
        for each in subscriptions
        if each["Endpoint"] == stack.janitor_inbox_arn
    )
    clients.sns.set_subscription_attributes(
        SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue="{}"
    )

    again = deploy_stack(clients, NAME)

    policy = clients.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"][
        "FilterPolicy"
    ]
    assert again.added == ("subscription of the janitor inbox",)
    assert json.loads(policy) == properties.JANITOR_FILTER


def test_delete_removes_objects_and_open_multipart_uploads(clients: Clients) -> None:
    stack = deploy_stack(clients, NAME)
    clients.s3.put_object(Bucket=stack.bucket_name, Key="outputs/cnv_1", Body=b"bytes")
    clients.s3.create_multipart_upload(Bucket=stack.bucket_name, Key="uploads/upl_1")

    delete_stack(clients, NAME)
    delete_stack(clients, NAME)

    assert clients.s3.list_buckets()["Buckets"] == []
