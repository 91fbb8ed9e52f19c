"""Test credentials that expire or are replaced while a service works (faults 11 and 31).

No file and no request is the reason: conversions are released, and clients are asked to wait.
"""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import CredentialRetrievalError, NoCredentialsError

from libs.core.adapters.aws import clients
from libs.core.adapters.aws.dynamodb.table import Table
from libs.core.adapters.aws.errors import translate_errors
from libs.core.adapters.aws.multipart_uploads import S3MultipartUploads
from libs.core.adapters.aws.objects import S3ObjectStore
from libs.core.errors import StorageUnavailable


class Body:
    """Stand in for the body of a response, as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self._content


def refuse(client: Any, service: str, status: int, content: bytes, media_type: str) -> None:
    """Answer every request of a client in this way."""

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        headers = HTTPHeaders()
        headers["Content-Type"] = media_type
        body = b"" if request.method == "HEAD" else content
        return AWSResponse(request.url, status, headers, Body(body))

    client.meta.events.register(f"before-send.{service}", answer)


@pytest.fixture
def session() -> boto3.Session:
    return boto3.Session("AKIATEST", "secret", "an expired token", region_name="eu-central-1")


S3_REFUSALS = [(400, "ExpiredToken"), (400, "InvalidToken"), (403, "InvalidAccessKeyId")]


@pytest.mark.parametrize(("status", "code"), S3_REFUSALS)
def test_s3_counts_as_unavailable(session: boto3.Session, status: int, code: str) -> None:
    client: Any = clients.s3_client(session, path_style=False)
    refuse(client, "s3", status, f"<Error><Code>{code}</Code></Error>".encode(), "application/xml")
    objects, multiparts = S3ObjectStore(client, "music"), S3MultipartUploads(client, "music")

    with pytest.raises(StorageUnavailable):
        list(objects.read("uploads/x/source", 0, 5))
    with pytest.raises(StorageUnavailable):
        multiparts.put_part("outputs/x/1.mp3", "id", 1, b"sound")
    with pytest.raises(StorageUnavailable):
        objects.put("outputs/x/1.mp3", b"sound", "audio/mpeg", {})


def test_an_object_that_cannot_be_looked_at_is_not_missing(session: boto3.Session) -> None:
    """The answer to HEAD has no body, so that its code is the status."""
    client: Any = clients.s3_client(session, path_style=False)
    refuse(client, "s3", 400, b"", "application/xml")

    with pytest.raises(StorageUnavailable):
        S3ObjectStore(client, "music").head("uploads/x/source")


@pytest.mark.parametrize("code", ["ExpiredTokenException", "UnrecognizedClientException"])
def test_dynamodb_counts_as_unavailable(session: boto3.Session, code: str) -> None:
    client: Any = clients.dynamodb_client(session)
    body = f'{{"__type": "com.amazonaws.dynamodb.v20120810#{code}"}}'.encode()
    refuse(client, "dynamodb", 400, body, "application/x-amz-json-1.0")

    with pytest.raises(StorageUnavailable):
        Table(client, "table").get("cnv_x")


@pytest.mark.parametrize(
    "error",
    [
        NoCredentialsError(),
        CredentialRetrievalError(provider="container-role", error_msg="timed out"),
        RuntimeError("Credentials were refreshed, but they are still expired."),
    ],
    ids=lambda error: type(error).__name__,
)
def test_credentials_that_cannot_be_fetched_count_as_unavailable(error: Exception) -> None:
    with pytest.raises(StorageUnavailable), translate_errors("S3"):
        raise error


def test_another_error_of_ours_is_none_of_the_storage() -> None:
    with pytest.raises(RuntimeError), translate_errors("S3"):
        raise RuntimeError("generator raised StopIteration")
