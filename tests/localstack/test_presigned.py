"""What clients send to the bucket by URLs of ours passes a check as strict as S3's: every request of this folder, in fact."""

import pytest

from tests.strict_s3 import StrictS3
from tests.system.client import Client

pytestmark = pytest.mark.localstack


def test_the_parts_and_the_result_of_a_conversion_pass_as_they_would_s3(client: Client, strict_s3: StrictS3, short: bytes) -> None:
    before = len(strict_s3.passed)
    upload = client.upload(short, "short.wav", {"format": "mp3"})
    client.until_ended(upload["conversions"][0])

    assert client.download(upload["conversions"][0])

    sent = [request.partition("?")[0] for request in strict_s3.passed[before:]]
    assert [request.split("/")[0].strip() for request in sent] == ["PUT", "GET"]
    assert strict_s3.refused == []
