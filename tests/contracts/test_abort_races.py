"""Test an abort while a part is still on its way (fault 45).

S3 may store such a part after the abort; the emulators do not, so its answers are given here.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from libs.core.errors import MultipartUploadGone
from libs.core.ports.multipart_uploads import Part
from tests.contracts.aws import AwsBackend
from tests.contracts.test_unconfirmed_completion import ResponseBody


@pytest.fixture
def aborts(aws_backend: AwsBackend) -> Iterator[list[str]]:
    """Confirm every abort, and return the URLs."""
    events: Any = aws_backend.connection.s3.meta.events
    sent: list[str] = []

    def confirm(request: Any, **_: Any) -> AWSResponse:
        sent.append(request.url)
        return AWSResponse(request.url, 204, HTTPHeaders(), ResponseBody())

    events.register("before-send.s3.AbortMultipartUpload", confirm)
    yield sent
    events.unregister("before-send.s3.AbortMultipartUpload", confirm)


@pytest.mark.parametrize("late", [0, 1, 2])
def test_an_abort_is_repeated_until_no_part_is_left(
    aws_backend: AwsBackend,
    prefix: str,
    aborts: list[str],
    late: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    multiparts = aws_backend.multiparts
    key = f"{prefix}song"
    multipart_id = multiparts.create(key, "audio/wav", {})
    listings: list[list[Part]] = [[Part(1, 5, "etag")]] * late

    def list_parts(*_: Any) -> list[Part]:
        if listings:
            return listings.pop()
        raise MultipartUploadGone("It is gone.")

    monkeypatch.setattr(multiparts, "list_parts", list_parts)

    multiparts.abort(key, multipart_id)

    assert len(aborts) == 1 + late
    assert not listings
