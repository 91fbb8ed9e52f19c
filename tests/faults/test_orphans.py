"""Test that parts whose item is gone are aborted, and foreign objects kept (fault 17)."""

from collections.abc import Iterator
from typing import Any

import pytest

from deploy.local.stack import EmbeddedStack
from deploy.local.targets import EmulatorTarget
from libs.core.domain.ids import new_id
from libs.core.domain.uploads import MIB, source_key
from tests.faults.conftest import Bucket
from tests.faults.workers import eventually
from tests.system.client import Client

pytestmark = pytest.mark.stack


class Parts:
    """Start multipart uploads in S3, and list those that are open."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def start(self, key: str) -> str:
        """Start a multipart upload with one part, and return its key."""
        name = {"Bucket": self._bucket, "Key": key}
        started = self._client.create_multipart_upload(**name)["UploadId"]
        self._client.upload_part(**name, UploadId=started, PartNumber=1, Body=b"a part")
        return key

    def open(self) -> set[str]:
        """Return the keys of all open multipart uploads."""
        found = self._client.list_multipart_uploads(Bucket=self._bucket, Prefix="uploads/")
        return {each["Key"] for each in found.get("Uploads", [])}


@pytest.fixture
def parts(faulty_stack: EmbeddedStack) -> Iterator[Parts]:
    assert isinstance(faulty_stack.target, EmulatorTarget)
    assert faulty_stack.outputs
    client = faulty_stack.target.client("s3")
    yield Parts(client, faulty_stack.outputs.bucket_name)
    client.close()


def test_parts_that_never_had_an_item_are_aborted_by_a_sweep(bucket: Bucket, parts: Parts) -> None:
    orphan = parts.start(source_key(new_id("upload")))
    foreign = parts.start("uploads/somebody/else")

    result = bucket.sweep()

    assert orphan not in parts.open()
    assert foreign in parts.open()
    assert result["foreign_objects"] >= 1


def test_parts_whose_item_is_deleted_are_aborted_without_a_sweep(
    faulty_stack: EmbeddedStack, client: Client, parts: Parts
) -> None:
    data = bytes(2 * MIB)
    upload = client.create(data, "song.wav")
    client.send(upload, data)
    assert source_key(upload["id"]) in parts.open()
    assert isinstance(faulty_stack.target, EmulatorTarget)
    assert faulty_stack.outputs
    dynamodb = faulty_stack.target.client("dynamodb")

    dynamodb.delete_item(TableName=faulty_stack.outputs.table_name, Key={"pk": {"S": upload["id"]}})

    eventually(lambda: source_key(upload["id"]) not in parts.open(), 60, "the parts are aborted")
    dynamodb.close()
