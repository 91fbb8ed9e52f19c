"""Test that the emulator's checksums are right and take little time."""

import base64
import statistics
import time
from typing import Any

import pytest
from awscrt import checksums
from botocore.exceptions import ClientError

from deploy.local.emulator.process import MiniStack
from tests.deploy.emulator.support import PART, client_factory, deploy

pytestmark = pytest.mark.stack

CHECKED = b"123456789"
"""The input of the published check values of CRCs."""

RATIO = 5
"""Maximum of their time ÷ CRC32's, for a part of 5 MiB. In Python they took 14 times as long."""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ChecksumCRC32C", "e3069283"),
        ("ChecksumCRC64NVME", "ae8b14860a799888"),
    ],
)
def test_a_published_check_value_is_accepted_and_another_refused(
    emulator: MiniStack, name: str, value: str
) -> None:
    s3 = client_factory(emulator)("s3")
    place = {"Bucket": deploy(emulator).bucket_name, "Key": "uploads/checked", "Body": CHECKED}

    right = bytes.fromhex(value)

    s3.put_object(**place, **{name: base64.b64encode(right).decode()})
    with pytest.raises(ClientError) as refused:
        s3.put_object(**place, **{name: base64.b64encode(right[::-1]).decode()})

    assert refused.value.response["Error"]["Code"] == "BadDigest"


def test_a_part_with_a_longer_crc_takes_hardly_longer(emulator: MiniStack) -> None:
    s3 = client_factory(emulator)("s3")
    place = {"Bucket": deploy(emulator).bucket_name, "Key": "uploads/large"}
    upload = s3.create_multipart_upload(**place)["UploadId"]

    def seconds(checksum: dict[str, Any]) -> float:
        began = time.monotonic()
        s3.upload_part(**place, UploadId=upload, PartNumber=1, Body=PART, **checksum)
        return time.monotonic() - began

    crc32 = base64.b64encode(checksums.crc32(PART).to_bytes(4, "big")).decode()
    crc64 = base64.b64encode(checksums.crc64nvme(PART).to_bytes(8, "big")).decode()
    rounds = [
        (seconds({"ChecksumCRC32": crc32}), seconds({"ChecksumCRC64NVME": crc64})) for _ in range(5)
    ]

    short, long = (statistics.median(times) for times in zip(*rounds, strict=True))
    assert long < RATIO * short
