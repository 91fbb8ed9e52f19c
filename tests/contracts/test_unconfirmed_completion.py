"""Test answers of S3 to CompleteMultipartUpload that confirm nothing (fault 7)."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ReadTimeoutError

from deploy.local.processes import ROOT
from libs.core.adapters.aws.clients import S3_TRANSFER_TIMEOUTS
from libs.core.domain.uploads import MIN_PART_SIZE
from libs.core.errors import MultipartUploadGone, StorageUnavailable
from libs.core.ports.multipart_uploads import Part
from tests.contracts.aws import AwsBackend

OPERATION = "s3.CompleteMultipartUpload"


class ResponseBody:
    """Stand in for the body of a response, as botocore reads it."""

    def __init__(self, content: bytes = b"") -> None:
        self._content = content

    def stream(self, *_: Any) -> Iterator[bytes]:
        return iter((self._content,) if self._content else ())


@pytest.fixture
def hook(aws_backend: AwsBackend) -> Iterator[Callable[[str, Any], None]]:
    """Register handlers of botocore events for the length of a test."""
    events: Any = aws_backend.connection.s3.meta.events
    registered: list[tuple[str, Any]] = []

    def register(event: str, handler: Any) -> None:
        events.register(f"{event}.{OPERATION}", handler)
        registered.append((f"{event}.{OPERATION}", handler))

    yield register
    for event, handler in registered:
        events.unregister(event, handler)


@pytest.fixture
def upload(aws_backend: AwsBackend, prefix: str) -> tuple[str, str, list[Part]]:
    """Store one part of a multipart upload; return its key, id and parts."""
    key = f"{prefix}song"
    multipart_id = aws_backend.multiparts.create(key, "audio/wav", {})
    aws_backend.multiparts.put_part(key, multipart_id, 1, b"a" * MIN_PART_SIZE)
    return key, multipart_id, list(aws_backend.multiparts.list_parts(key, multipart_id))


def empty_responses(count: int, content: bytes = b"") -> tuple[Any, list[str]]:
    """Return a handler that answers the first requests with 200 and no ETag, and their URLs."""
    requests: list[str] = []

    def answer(request: Any, **_: Any) -> AWSResponse | None:
        requests.append(request.url)
        if len(requests) > count:
            return None
        return AWSResponse(request.url, 200, HTTPHeaders(), ResponseBody(content))

    return answer, requests


@pytest.mark.parametrize("count", [1, 2])
def test_an_empty_answer_is_repeated_while_the_upload_is_open(
    aws_backend: AwsBackend, hook: Any, upload: tuple[str, str, list[Part]], count: int
) -> None:
    key, multipart_id, parts = upload
    answer, requests = empty_responses(count)
    hook("before-send", answer)

    assert aws_backend.multiparts.complete(key, multipart_id, parts)

    assert len(requests) == count + 1
    assert aws_backend.objects.head(key).size == MIN_PART_SIZE


ERROR = b"<Error><Code>InternalError</Code><Message>Please try again.</Message></Error>"


@pytest.mark.parametrize("content", [ERROR, b"   " + ERROR], ids=["at once", "after spaces"])
def test_an_error_in_an_answer_of_200_is_repeated(
    aws_backend: AwsBackend, hook: Any, upload: tuple[str, str, list[Part]], content: bytes
) -> None:
    key, multipart_id, parts = upload
    answer, requests = empty_responses(1, content)
    hook("before-send", answer)

    assert aws_backend.multiparts.complete(key, multipart_id, parts)

    assert len(requests) == 2
    assert aws_backend.objects.head(key).size == MIN_PART_SIZE


def test_errors_in_all_answers_of_200_are_reported_and_lose_nothing(
    aws_backend: AwsBackend, hook: Any, upload: tuple[str, str, list[Part]]
) -> None:
    key, multipart_id, parts = upload
    answer, _ = empty_responses(100, ERROR)
    hook("before-send", answer)

    with pytest.raises(StorageUnavailable):
        aws_backend.multiparts.complete(key, multipart_id, parts)

    assert aws_backend.multiparts.list_parts(key, multipart_id) == parts


def test_a_completion_that_hangs_is_reported_before_a_proxy_gives_up(
    aws_backend: AwsBackend, hook: Any, upload: tuple[str, str, list[Part]]
) -> None:
    key, multipart_id, parts = upload
    waited: list[float] = []

    def hang(request: Any, **_: Any) -> None:
        waited.append(S3_TRANSFER_TIMEOUTS.read)
        raise ReadTimeoutError(endpoint_url=request.url)

    hook("before-send", hang)

    with pytest.raises(StorageUnavailable):
        aws_backend.multiparts.complete(key, multipart_id, parts)

    assert len(waited) == S3_TRANSFER_TIMEOUTS.attempts
    nginx = (ROOT / "deploy/nginx.conf").read_text("utf-8")
    [limit, *_] = re.findall(r"proxy_read_timeout (\d+)s;", nginx)
    assert sum(waited) + 10 < int(limit), "with the pauses between the attempts"


def test_repeated_empty_answers_are_reported_and_lose_nothing(
    aws_backend: AwsBackend, hook: Any, upload: tuple[str, str, list[Part]]
) -> None:
    key, multipart_id, parts = upload
    answer, requests = empty_responses(3)
    hook("before-send", answer)

    with pytest.raises(StorageUnavailable) as refused:
        aws_backend.multiparts.complete(key, multipart_id, parts)

    assert refused.value.context["retry_after"] > 0
    assert len(requests) == 3
    assert aws_backend.multiparts.list_parts(key, multipart_id) == parts
    assert aws_backend.multiparts.complete(key, multipart_id, parts)


def test_a_completion_that_took_effect_without_an_answer_is_found(
    aws_backend: AwsBackend, hook: Any, upload: tuple[str, str, list[Part]]
) -> None:
    key, multipart_id, parts = upload
    hook("after-call", lambda parsed, **_: parsed.pop("ETag"))

    with pytest.raises(MultipartUploadGone):
        aws_backend.multiparts.complete(key, multipart_id, parts)

    assert aws_backend.objects.head(key).size == MIN_PART_SIZE
