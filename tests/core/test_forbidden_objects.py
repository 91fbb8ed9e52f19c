"""Test that a role without s3:ListBucket sees missing objects as missing."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from libs.core.adapters.aws.clients import s3_client
from libs.core.adapters.aws.multipart_uploads import S3MultipartUploads
from libs.core.adapters.aws.objects import S3ObjectStore
from libs.core.errors import ObjectMissing


def store(stubber: Stubber) -> S3ObjectStore:
    client: Any = stubber.client
    return S3ObjectStore(client, "bucket")


@pytest.fixture
def s3() -> Stubber:
    client = s3_client(boto3.Session("test", "test", region_name="eu-central-1"), path_style=True)
    return Stubber(client)


def test_403_on_head_is_a_missing_object(s3: Stubber) -> None:
    # HeadObject has no body, so its code is the status.
    s3.add_client_error("head_object", "403", http_status_code=403)

    with s3, pytest.raises(ObjectMissing):
        store(s3).head("uploads/upl_1/source")


def test_access_denied_on_get_is_a_missing_object(s3: Stubber) -> None:
    s3.add_client_error("get_object", "AccessDenied", http_status_code=403)

    with s3, pytest.raises(ObjectMissing):
        list(store(s3).read("uploads/upl_1/source", 0, 3))


def test_access_denied_on_copy_is_a_missing_source(s3: Stubber) -> None:
    s3.add_client_error("upload_part_copy", "AccessDenied", http_status_code=403)
    client: Any = s3.client

    with s3, pytest.raises(ObjectMissing):
        S3MultipartUploads(client, "bucket").copy_part("k", "m", 1, "uploads/x", 0, 5)
