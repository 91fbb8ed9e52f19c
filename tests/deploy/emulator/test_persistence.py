"""Test what survives a restart of the emulator."""

import time
from collections.abc import Callable

import pytest

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

# Longer than the emulator waits until it saves a change.
SAVED = 3.0


def kill_and_start(emulator: MiniStack) -> None:
    time.sleep(SAVED)
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
