"""The data template is sound, and comes up and goes down again wherever CloudFormation is spoken."""

import json
import subprocess
import sys
from typing import Any

import pytest
from cfnlint.decode import cfn_yaml  # type: ignore[import-untyped]

from deploy.local import cloudformation, repairs
from deploy.local.bootstrap import TEMPLATE, Clients, delete_stack, ensure_stack

NAME = "tinypixo"


@pytest.fixture(scope="module")
def resources() -> Any:
    return cfn_yaml.load(str(TEMPLATE))["Resources"]


def test_cfn_lint_has_nothing_to_say_not_even_a_hint() -> None:
    command = [sys.executable, "-c", "from cfnlint.runner import main; main()", "--include-checks", "I", "--template", str(TEMPLATE)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_all_four_public_access_blocks_are_on(resources: Any) -> None:
    blocks = resources["Bucket"]["Properties"]["PublicAccessBlockConfiguration"]

    assert len(blocks) == 4
    assert all(blocks.values())


@pytest.mark.parametrize("queue", ["ConversionInbox", "JanitorInbox"])
def test_every_inbox_has_dead_letters_that_outlive_it(resources: Any, queue: str) -> None:
    inbox = resources[queue]["Properties"]
    dead_letters = resources[queue.replace("Inbox", "DeadLetters")]["Properties"]

    assert inbox["RedrivePolicy"]["maxReceiveCount"] > 1
    assert dead_letters["MessageRetentionPeriod"] > inbox["MessageRetentionPeriod"]


def test_every_statement_that_opens_a_queue_names_its_source(resources: Any) -> None:
    policies = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::SQS::QueuePolicy"]

    for statement in [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]:
        assert "aws:SourceArn" in statement["Condition"]["ArnEquals"]


def test_the_pipe_gives_a_bad_record_up_instead_of_waiting_for_it(resources: Any) -> None:
    stream = resources["Pipe"]["Properties"]["SourceParameters"]["DynamoDBStreamParameters"]

    assert 0 < stream["MaximumRetryAttempts"] <= 10
    assert 0 < stream["MaximumRecordAgeInSeconds"] <= 3600
    assert "DeadLetterConfig" in stream


def test_the_repairs_put_in_place_what_the_template_says(resources: Any) -> None:
    bucket = resources["Bucket"]["Properties"]
    cors = bucket["CorsConfiguration"]["CorsRules"][0]
    filters = {name: resources[f"{name}Subscription"]["Properties"]["FilterPolicy"] for name in ("Conversion", "Janitor")}
    notification = bucket["NotificationConfiguration"]["QueueConfigurations"][0]

    assert resources["Table"]["Properties"]["TimeToLiveSpecification"]["AttributeName"] == repairs.TTL_ATTRIBUTE
    assert (cors["AllowedMethods"], cors["AllowedHeaders"]) == (repairs.CORS_RULE["AllowedMethods"], repairs.CORS_RULE["AllowedHeaders"])
    assert (cors["ExposedHeaders"], cors["MaxAge"]) == (repairs.CORS_RULE["ExposeHeaders"], repairs.CORS_RULE["MaxAgeSeconds"])
    assert filters == {"Conversion": repairs.CONVERSION_FILTER, "Janitor": repairs.JANITOR_FILTER}
    assert notification["Event"] == repairs.UPLOAD_EVENTS
    assert notification["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": repairs.UPLOAD_PREFIX}]
    assert [rule["Id"] for rule in bucket["LifecycleConfiguration"]["Rules"]] == [rule["ID"] for rule in repairs.LIFECYCLE_RULES]


@pytest.mark.parametrize("relay", ["pipe", "external"])
@pytest.mark.parametrize("target", ["aws", "emulator"])
def test_it_deploys_and_deletes_and_leaves_nothing(clients: Clients, target: str, relay: str) -> None:
    parameters = {"NamePrefix": NAME, "Target": target, "EventRelay": relay, "AllowedOrigins": "https://example.org"}

    cloudformation.ensure(clients.cloudformation, NAME, TEMPLATE.read_text("utf-8"), parameters)
    outputs = cloudformation.outputs(clients.cloudformation, NAME)
    cloudformation.delete(clients.cloudformation, NAME)

    assert ("PipeDeadLettersUrl" in outputs) == (relay == "pipe")
    assert clients.s3.list_buckets()["Buckets"] == []
    assert clients.dynamodb.list_tables()["TableNames"] == []
    assert clients.sns.list_topics()["Topics"] == []
    assert cloudformation.outputs(clients.cloudformation, NAME) == {}


def test_bringing_it_up_repairs_what_is_missing_and_says_so(clients: Clients) -> None:
    stack = ensure_stack(clients, NAME, origins=["https://example.org"])

    status = clients.dynamodb.describe_time_to_live(TableName=stack.table_name)["TimeToLiveDescription"]
    rule = clients.s3.get_bucket_cors(Bucket=stack.bucket_name)["CORSRules"][0]
    subscriptions = clients.sns.list_subscriptions_by_topic(TopicArn=stack.topic_arn)["Subscriptions"]
    assert {"TTL of the table", "CORS of the bucket"} <= set(stack.added)
    assert status["TimeToLiveStatus"] == "ENABLED"
    assert rule["AllowedOrigins"] == ["https://example.org"]
    assert {each["Endpoint"] for each in subscriptions} == {stack.conversion_inbox_arn, stack.janitor_inbox_arn}


def test_bringing_it_up_again_changes_nothing_and_loses_nothing(clients: Clients) -> None:
    first = ensure_stack(clients, NAME)
    clients.dynamodb.put_item(TableName=first.table_name, Item={"pk": {"S": "upl_1"}})
    clients.s3.put_object(Bucket=first.bucket_name, Key="uploads/upl_1", Body=b"bytes")

    second = ensure_stack(clients, NAME)

    assert second.added == ()
    assert second.table_stream_arn == first.table_stream_arn
    assert "Item" in clients.dynamodb.get_item(TableName=first.table_name, Key={"pk": {"S": "upl_1"}})
    assert clients.s3.get_object(Bucket=first.bucket_name, Key="uploads/upl_1")["Body"].read() == b"bytes"


def test_another_origin_is_let_in_by_bringing_it_up_again(clients: Clients) -> None:
    ensure_stack(clients, NAME, origins=["https://one.example"])

    stack = ensure_stack(clients, NAME, origins=["https://two.example"])

    assert clients.s3.get_bucket_cors(Bucket=stack.bucket_name)["CORSRules"][0]["AllowedOrigins"] == ["https://two.example"]


def test_a_filter_that_somebody_changed_is_put_back(clients: Clients) -> None:
    stack = ensure_stack(clients, NAME)
    subscriptions = clients.sns.list_subscriptions_by_topic(TopicArn=stack.topic_arn)["Subscriptions"]
    arn = next(each["SubscriptionArn"] for each in subscriptions if each["Endpoint"] == stack.janitor_inbox_arn)
    clients.sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue="{}")

    again = ensure_stack(clients, NAME)

    policy = clients.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["FilterPolicy"]
    assert again.added == ("subscription of the janitor inbox",)
    assert json.loads(policy) == repairs.JANITOR_FILTER


def test_deleting_it_takes_objects_and_open_uploads_along(clients: Clients) -> None:
    stack = ensure_stack(clients, NAME)
    clients.s3.put_object(Bucket=stack.bucket_name, Key="outputs/cnv_1", Body=b"bytes")
    clients.s3.create_multipart_upload(Bucket=stack.bucket_name, Key="uploads/upl_1")

    delete_stack(clients, NAME)
    delete_stack(clients, NAME)

    assert clients.s3.list_buckets()["Buckets"] == []
