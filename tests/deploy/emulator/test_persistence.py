"""Test what survives a restart of the emulator."""

import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local.bootstrap import TEMPLATE
from deploy.local.emulator.process import MiniStack
from tests.deploy.emulator.support import (
    PART,
    client_factory,
    deploy,
    parts_of,
    restart,
    stream,
)

pytestmark = pytest.mark.stack


def kill_and_start(emulator: MiniStack) -> None:
    emulator.kill()
    emulator.start()


@pytest.mark.parametrize("end", [restart, kill_and_start])
def test_items_objects_and_messages_survive_a_restart(
    emulator: MiniStack, end: Callable[[MiniStack], None]
) -> None:
    stack = deploy(emulator)
    s3, dynamodb, sqs = (client_factory(emulator)(name) for name in ("s3", "dynamodb", "sqs"))
    dynamodb.put_item(TableName=stack.table_name, Item={"pk": {"S": "upl_1"}})
    s3.put_object(
        Bucket=stack.bucket_name, Key="outputs/cnv_1", Body=b"bytes", Metadata={"trace": "00"}
    )
    sqs.send_message(QueueUrl=stack.janitor_inbox_url, MessageBody="kept")

    end(emulator)

    assert deploy(emulator).added == ()
    assert "Item" in dynamodb.get_item(TableName=stack.table_name, Key={"pk": {"S": "upl_1"}})
    assert s3.get_object(Bucket=stack.bucket_name, Key="outputs/cnv_1")["Body"].read() == b"bytes"
    assert s3.head_object(Bucket=stack.bucket_name, Key="outputs/cnv_1")["Metadata"] == {
        "trace": "00"
    }
    assert sqs.receive_message(QueueUrl=stack.janitor_inbox_url)["Messages"][0]["Body"] == "kept"


@pytest.mark.parametrize("end", [restart, kill_and_start])
def test_open_multipart_upload_survives_a_restart(
    emulator: MiniStack, end: Callable[[MiniStack], None]
) -> None:
    bucket, s3 = deploy(emulator).bucket_name, client_factory(emulator)("s3")
    upload = {"Bucket": bucket, "Key": "uploads/upl_1"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    s3.upload_part(**upload, PartNumber=1, Body=PART)

    end(emulator)

    s3.upload_part(**upload, PartNumber=2, Body=b"the end")
    parts = [
        {"PartNumber": part["PartNumber"], "ETag": part["ETag"]}
        for part in s3.list_parts(**upload)["Parts"]
    ]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=bucket, Key="uploads/upl_1")["Body"].read() == PART + b"the end"


def test_partly_joined_file_is_deleted_at_the_next_start(emulator: MiniStack) -> None:
    left = parts_of(emulator) / "0123456789abcdef.joined"
    left.write_bytes(b"half a file")

    restart(emulator)

    assert not left.exists()


def test_changes_and_deletions_survive_a_kill(emulator: MiniStack) -> None:
    stack = deploy(emulator)
    s3, dynamodb, sqs = (client_factory(emulator)(name) for name in ("s3", "dynamodb", "sqs"))
    table, inbox = stack.table_name, stack.janitor_inbox_url
    for name in ("kept", "changed", "deleted"):
        dynamodb.put_item(TableName=table, Item={"pk": {"S": name}, "state": {"S": "first"}})
        s3.put_object(Bucket=stack.bucket_name, Key=f"outputs/{name}", Body=b"first")
        sqs.send_message(QueueUrl=inbox, MessageBody=name)

    dynamodb.update_item(
        TableName=table,
        Key={"pk": {"S": "changed"}},
        UpdateExpression="SET #s = :s",
        ExpressionAttributeNames={"#s": "state"},
        ExpressionAttributeValues={":s": {"S": "second"}},
    )
    dynamodb.delete_item(TableName=table, Key={"pk": {"S": "deleted"}})
    s3.put_object(Bucket=stack.bucket_name, Key="outputs/changed", Body=b"second")
    s3.delete_object(Bucket=stack.bucket_name, Key="outputs/deleted")
    received = sqs.receive_message(QueueUrl=inbox, MaxNumberOfMessages=10)["Messages"]
    for message in received:
        if message["Body"] == "deleted":
            sqs.delete_message(QueueUrl=inbox, ReceiptHandle=message["ReceiptHandle"])
    kill_and_start(emulator)

    items = dynamodb.scan(TableName=table)["Items"]
    assert {item["pk"]["S"]: item["state"]["S"] for item in items} == {
        "kept": "first",
        "changed": "second",
    }
    assert dynamodb.describe_table(TableName=table)["Table"]["ItemCount"] == 2
    objects = s3.list_objects_v2(Bucket=stack.bucket_name)["Contents"]
    assert {entry["Key"] for entry in objects} == {"outputs/kept", "outputs/changed"}
    changed = s3.get_object(Bucket=stack.bucket_name, Key="outputs/changed")["Body"].read()
    assert changed == b"second"
    received = sqs.receive_message(QueueUrl=inbox, MaxNumberOfMessages=10)["Messages"]
    assert {message["Body"] for message in received} == {"kept", "changed"}


def test_part_that_is_sent_again_replaces_the_old_one(emulator: MiniStack) -> None:
    bucket, s3 = deploy(emulator).bucket_name, client_factory(emulator)("s3")
    upload = {"Bucket": bucket, "Key": "uploads/upl_1"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    s3.upload_part(**upload, PartNumber=1, Body=b"first")
    etag = s3.upload_part(**upload, PartNumber=1, Body=b"second")["ETag"]

    kill_and_start(emulator)

    [part] = s3.list_parts(**upload)["Parts"]
    assert (part["ETag"], part["Size"]) == (etag, 6)
    s3.complete_multipart_upload(
        **upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}
    )
    assert s3.get_object(Bucket=bucket, Key="uploads/upl_1")["Body"].read() == b"second"
    assert list(parts_of(emulator).iterdir()) == []


def test_completed_upload_is_announced_after_a_kill(emulator: MiniStack) -> None:
    stack, s3 = deploy(emulator), client_factory(emulator)("s3")
    upload = {"Bucket": stack.bucket_name, "Key": "uploads/upl_1"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    etag = s3.upload_part(**upload, PartNumber=1, Body=PART)["ETag"]
    s3.complete_multipart_upload(
        **upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}
    )

    kill_and_start(emulator)

    sqs = client_factory(emulator)("sqs")
    inbox = stack.conversion_inbox_url
    bodies = [
        message["Body"]
        for message in sqs.receive_message(QueueUrl=inbox, MaxNumberOfMessages=10)["Messages"]
    ]
    assert any("CompleteMultipartUpload" in body and "uploads/upl_1" in body for body in bodies)


def test_position_in_the_stream_is_not_valid_after_a_kill(emulator: MiniStack) -> None:
    stack = deploy(emulator)
    dynamodb, streams = (client_factory(emulator)(n) for n in ("dynamodb", "dynamodbstreams"))
    for number in range(20):
        dynamodb.put_item(TableName=stack.table_name, Item={"pk": {"S": f"old_{number}"}})
    [shard] = streams.describe_stream(StreamArn=stack.table_stream_arn)["StreamDescription"][
        "Shards"
    ]
    iterator = streams.get_shard_iterator(
        StreamArn=stack.table_stream_arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST"
    )["ShardIterator"]

    kill_and_start(emulator)
    dynamodb.put_item(TableName=stack.table_name, Item={"pk": {"S": "new"}})

    # A reader that went on from there would wait for twenty other records first.
    with pytest.raises(streams.exceptions.TrimmedDataAccessException):
        streams.get_records(ShardIterator=iterator)
    [record] = stream(emulator, stack.table_stream_arn)
    assert record["dynamodb"]["Keys"] == {"pk": {"S": "new"}}


@pytest.mark.parametrize("seed", range(3))
def test_deployment_that_was_interrupted_is_repeated(emulator: MiniStack, seed: int) -> None:
    template = TEMPLATE.read_text("utf-8")
    parameters = {"Target": "emulator", "EventRelay": "external"}
    client_factory(emulator)("cloudformation").create_stack(
        StackName="tinypixo",
        TemplateBody=template,
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    time.sleep(random.Random(seed).uniform(0, 0.3))  # the moment of the kill is what is random
    kill_and_start(emulator)

    began = time.monotonic()
    stack = deploy(emulator)

    assert time.monotonic() - began < 30
    client_factory(emulator)("dynamodb").put_item(
        TableName=stack.table_name, Item={"pk": {"S": "upl_1"}}
    )


@pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors in /proc")
def test_open_parts_hold_no_file_descriptors(emulator: MiniStack) -> None:
    bucket, s3 = deploy(emulator).bucket_name, client_factory(emulator)("s3")
    upload = {"Bucket": bucket, "Key": "uploads/upl_1"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    s3.upload_part(**upload, PartNumber=1, Body=b"part")
    descriptors = Path(f"/proc/{emulator.pid}/fd")
    before = len(list(descriptors.iterdir()))

    for number in range(2, 202):
        s3.upload_part(**upload, PartNumber=number, Body=b"part")

    assert len(list(descriptors.iterdir())) < before + 10


@pytest.mark.long  # MiniStack looks once a minute
def test_ttl_removal_writes_a_stream_record_with_the_old_image(emulator: MiniStack) -> None:
    stack = deploy(emulator)
    item = {"pk": {"S": "upl_1"}, "expires_at": {"N": "1"}}
    client_factory(emulator)("dynamodb").put_item(TableName=stack.table_name, Item=item)

    deadline = time.monotonic() + 90
    while (
        len(records := stream(emulator, stack.table_stream_arn)) < 2 and time.monotonic() < deadline
    ):
        time.sleep(1)

    assert records[1]["eventName"] == "REMOVE"
    assert records[1]["dynamodb"]["OldImage"] == item
    assert records[1]["userIdentity"] == {
        "Type": "Service",
        "PrincipalId": "dynamodb.amazonaws.com",
    }
