"""MiniStack with our patches: state survives restarts, large files need little memory."""

import hashlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import boto3
import pytest
from botocore.config import Config

from deploy.local.bootstrap import Clients, StackOutputs, deploy_stack
from deploy.local.emulator import installation
from deploy.local.emulator.installation import REPOSITORY
from deploy.local.emulator.process import MiniStack
from deploy.local.errors import DeployError

pytestmark = pytest.mark.stack

PART = os.urandom(5 << 20)

# Longer than the emulator waits until it saves a change.
SAVED = 3.0


@pytest.fixture(scope="module")
def venv() -> Path:
    path = installation.default_venv()
    installation.install(path)
    return path


@pytest.fixture
def emulator(venv: Path, tmp_path: Path) -> Iterator[MiniStack]:
    with MiniStack(venv, tmp_path / "data", check_signatures=True) as running:
        yield running


class MemoryGrowth:
    """Measure how far the emulator's anonymous memory grows inside a `with` block, in bytes."""

    def __init__(self, emulator: MiniStack) -> None:
        assert emulator._process
        self._status = Path(f"/proc/{emulator._process.pid}/status")
        self._over = threading.Event()
        self._seen: list[int] = []
        self._thread = threading.Thread(target=self._look)

    @property
    def bytes(self) -> int:
        return max(self._seen) - self._seen[0]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.002) or not self._seen:
            found = re.search(r"RssAnon:\s+(\d+) kB", self._status.read_text())
            assert found
            self._seen.append(int(found[1]) * 1024)


def client_factory(emulator: MiniStack) -> Callable[[str], Any]:
    """Return a factory of clients for the emulator."""
    session: Any = boto3.Session("test", "test", region_name="eu-west-1")
    config = Config(
        signature_version="s3v4",
        request_checksum_calculation="when_required",
        s3={"addressing_style": "path"},
    )
    return lambda name: session.client(name, endpoint_url=emulator.endpoint_url, config=config)


def deploy(emulator: MiniStack) -> StackOutputs:
    return deploy_stack(Clients.create(client_factory(emulator)))


def parts_of(emulator: MiniStack) -> Path:
    """Return the folder of the parts of open uploads."""
    return emulator._data / "state" / "parts"


def restart(emulator: MiniStack) -> None:
    emulator.stop()
    emulator.start()


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


def test_range_read_does_not_load_the_whole_object(emulator: MiniStack) -> None:
    bucket, s3 = deploy(emulator).bucket_name, client_factory(emulator)("s3")
    s3.put_object(Bucket=bucket, Key="outputs/large", Body=PART * 20)
    restart(emulator)
    s3.head_bucket(Bucket=bucket)
    before = peak_memory(emulator)

    part = s3.get_object(Bucket=bucket, Key="outputs/large", Range="bytes=100-199")["Body"].read()

    assert part == PART[100:200]
    assert peak_memory(emulator) - before < 10 << 20


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads from /proc how much memory is taken")
def test_completing_a_large_upload_needs_little_memory(emulator: MiniStack) -> None:
    outputs, s3 = deploy(emulator), client_factory(emulator)("s3")
    name = {"Bucket": outputs.bucket_name, "Key": "uploads/large"}
    upload = s3.create_multipart_upload(**name)["UploadId"]
    part = os.urandom(32 << 20)
    etags = [
        s3.upload_part(**name, UploadId=upload, PartNumber=number, Body=part)["ETag"]
        for number in range(1, 9)
    ]
    parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]

    with MemoryGrowth(emulator) as memory:
        whole = s3.complete_multipart_upload(
            **name, UploadId=upload, MultipartUpload={"Parts": parts}
        )

    assert memory.bytes < 64 << 20
    digests = hashlib.md5(part, usedforsecurity=False).digest() * 8
    assert whole["ETag"] == f'"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-8"'
    assert s3.head_object(**name)["ContentLength"] == 256 << 20
    assert list(parts_of(emulator).iterdir()) == []
    for seam in (0, (32 << 20) - 3, (256 << 20) - 6):
        got = s3.get_object(**name, Range=f"bytes={seam}-{seam + 5}")["Body"].read()
        assert got == (part + part)[seam % (32 << 20) :][:6]


def test_copied_parts_and_sent_parts_are_joined(emulator: MiniStack) -> None:
    name, s3 = (
        {"Bucket": deploy(emulator).bucket_name, "Key": "outputs/joined"},
        client_factory(emulator)("s3"),
    )
    s3.put_object(**name | {"Key": "outputs/source"}, Body=PART + b"the rest")
    upload = s3.create_multipart_upload(**name)["UploadId"]
    source = {"Bucket": name["Bucket"], "Key": "outputs/source"}
    copied = s3.upload_part_copy(
        **name,
        UploadId=upload,
        PartNumber=1,
        CopySource=source,
        CopySourceRange=f"bytes=0-{len(PART) - 1}",
    )
    sent = s3.upload_part(**name, UploadId=upload, PartNumber=2, Body=b"the end")
    etags = [copied["CopyPartResult"]["ETag"], sent["ETag"]]

    parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
    s3.complete_multipart_upload(**name, UploadId=upload, MultipartUpload={"Parts": parts})

    assert s3.get_object(**name)["Body"].read() == PART + b"the end"


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


def test_part_longer_than_signed_is_refused(emulator: MiniStack) -> None:
    bucket, s3 = deploy(emulator).bucket_name, client_factory(emulator)("s3")
    upload = {"Bucket": bucket, "Key": "uploads/upl_1"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    url = s3.generate_presigned_url(
        "upload_part", Params={**upload, "PartNumber": 1, "ContentLength": 4}
    )

    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(urllib.request.Request(url, b"longer", method="PUT"))


def test_port_in_use_is_reported_with_the_emulators_log(venv: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        with pytest.raises(DeployError, match=r"(?s)did not start.*in use"):
            MiniStack(venv, tmp_path, port=taken.getsockname()[1]).start()


def test_emulator_ends_when_its_parent_is_killed(venv: Path, tmp_path: Path) -> None:
    program = f"""
import pathlib, sys, time
from deploy.local.emulator.process import MiniStack
emulator = MiniStack(pathlib.Path({str(venv)!r}), pathlib.Path({str(tmp_path)!r}))
emulator.start()
print(emulator.port, flush=True)
time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        port = int(parent.stdout.readline())
        parent.kill()

    deadline = time.monotonic() + 20
    while listens(port) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not listens(port)


def stream(emulator: MiniStack, arn: str) -> list[Any]:
    """Return all records of the table's stream."""
    streams = client_factory(emulator)("dynamodbstreams")
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    start = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )
    return list(streams.get_records(ShardIterator=start["ShardIterator"])["Records"])


def peak_memory(emulator: MiniStack) -> int:
    """Return the peak resident memory of the emulator, in bytes."""
    assert emulator._process
    status = Path(f"/proc/{emulator._process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) << 10


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
