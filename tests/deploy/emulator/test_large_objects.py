"""Test that large objects need little memory."""

import hashlib
import os
import sys

import pytest

from deploy.local.emulator.process import MiniStack
from tests.deploy.emulator.support import (
    PART,
    MemoryGrowth,
    client_factory,
    deploy,
    parts_of,
    peak_memory,
    restart,
)

pytestmark = pytest.mark.stack


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
