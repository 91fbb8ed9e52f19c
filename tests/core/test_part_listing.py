"""Test how the answers of ListParts are read, on canned ones: no emulator lists like S3."""

import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse

from libs.core.adapters.aws.clients import s3_client
from libs.core.adapters.aws.multipart_uploads import S3MultipartUploads
from libs.core.adapters.aws.part_listing import read_parts
from libs.core.errors import MultipartUploadGone

EVENT = "before-parse.*.ListParts"
ETAG = "d41d8cd98f00b204e9800998ecf8427e"
PART = (
    "<Part><PartNumber>{}</PartNumber><LastModified>2026-11-28T00:00:00.000Z</LastModified>"
    f"<ETag>&quot;{ETAG}&quot;</ETag><ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME>"
    "<Size>1</Size></Part>"
)


class CannedS3:
    """Answer each request with the same body."""

    def __init__(self) -> None:
        session = boto3.Session("a", "b", region_name="eu-central-1")
        self.client = s3_client(session, path_style=True)
        self.client.meta.events.register("before-send.s3", self._answer)
        self.multiparts = S3MultipartUploads(self.client, "bucket")
        self.status = 200
        self.body = ""

    def lists(self, parts: str) -> None:
        self.body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<ListPartsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>b</Bucket>'
            f"<Key>k</Key><IsTruncated>false</IsTruncated>{parts}</ListPartsResult>"
        )

    def read(self) -> list[tuple[int, int, str]]:
        listed = self.multiparts.list_parts("k", "id")
        return [(part.number, part.size, part.etag) for part in listed]

    def processor_time(self, times: int = 5) -> float:
        """Return the least time of one listing, in seconds of the processor."""
        spent = []
        for _ in range(times):
            before = time.thread_time()
            self.read()
            spent.append(time.thread_time() - before)
        return min(spent)

    def _answer(self, request: Any, **_: Any) -> Any:
        headers: Any = {"Content-Type": "application/xml"}
        return AWSResponse(request.url, self.status, headers, Body(self.body.encode()))


class Body:
    """Be the body of a response, as urllib3 has it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self._body


@pytest.fixture
def s3() -> CannedS3:
    return CannedS3()


def test_a_thousand_parts_cost_a_fraction_of_what_botocore_needs(s3: CannedS3) -> None:
    s3.lists("".join(PART.format(number) for number in range(1, 1_001)))
    read, spent = s3.read(), s3.processor_time()

    s3.client.meta.events.unregister(EVENT, read_parts)

    assert read == s3.read() == [(number, 1, ETAG) for number in range(1, 1_001)]
    assert s3.processor_time() > 5 * spent


@pytest.mark.parametrize(
    "part",
    [
        "<Part><Size>7</Size><ETag>&quot;e&quot;</ETag><PartNumber>3</PartNumber></Part>",
        '<Part><PartNumber>3</PartNumber><ETag>"e"</ETag><Size>7</Size></Part>',
        "<Part><PartNumber>3</PartNumber><ETag>&#34;e&#34;</ETag><Size>7</Size></Part>",
        "<Part><PartNumber>3</PartNumber><ETag>e</ETag><Size>7</Size></Part>",
        "<Part>\n <PartNumber> 3 </PartNumber>\n <ETag>e</ETag>\n <Size>7</Size>\n</Part>",
        '<Part id="x"><PartNumber>3</PartNumber><ETag>e</ETag><Size>7</Size></Part>',
    ],
)
def test_parts_of_any_form_are_read(s3: CannedS3, part: str) -> None:
    s3.lists(part)

    assert s3.read() == [(3, 7, "e")]


def test_an_upload_without_parts_has_none(s3: CannedS3) -> None:
    s3.lists("")

    assert s3.read() == []


@pytest.mark.parametrize("status", [200, 404])
def test_an_error_is_one_also_with_the_status_of_success(s3: CannedS3, status: int) -> None:
    s3.status, s3.body = status, "<Error><Code>NoSuchUpload</Code><Message>x</Message></Error>"

    with pytest.raises(MultipartUploadGone):
        s3.read()
