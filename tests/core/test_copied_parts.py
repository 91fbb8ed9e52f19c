"""Test what S3 is asked when it copies a part."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from libs.core.adapters.aws.clients import s3_client
from libs.core.adapters.aws.multipart_uploads import S3MultipartUploads
from libs.core.ports.multipart_uploads import Part


@pytest.mark.parametrize(
    ("is_whole", "selected"), [(True, {}), (False, {"CopySourceRange": "bytes=0-4"})]
)
def test_a_range_is_named_only_where_it_is_not_the_whole_object(
    is_whole: bool, selected: dict[str, str]
) -> None:
    """S3 copies a range only of an object of more than 5 MB (API reference, UploadPartCopy)."""
    client: Any = s3_client(
        boto3.Session("test", "test", region_name="eu-central-1"), path_style=True
    )
    wanted = {
        "Bucket": "bucket",
        "Key": "k",
        "UploadId": "m",
        "PartNumber": 1,
        "CopySource": {"Bucket": "bucket", "Key": "uploads/x"},
        **selected,
    }
    with Stubber(client) as stubber:
        stubber.add_response("upload_part_copy", {"CopyPartResult": {"ETag": '"e"'}}, wanted)

        part = S3MultipartUploads(client, "bucket").copy_part(
            "k", "m", 1, "uploads/x", 0, 5, is_whole=is_whole
        )

    assert part == Part(1, 5, "e")
