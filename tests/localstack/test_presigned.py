"""What clients send to the bucket by URLs of ours passes a check as strict as S3's: every request of this folder, in fact."""

import pytest

from tests.sigv4_proxy import SigV4Proxy
from tests.system.client import Client

pytestmark = pytest.mark.localstack


def test_the_parts_and_the_result_of_a_conversion_pass_as_they_would_s3(client: Client, sigv4_proxy: SigV4Proxy, short: bytes) -> None:
    before = len(sigv4_proxy.forwarded)
    upload = client.upload(short, "short.wav", {"format": "mp3"})
    client.until_ended(upload["conversions"][0])

    assert client.download(upload["conversions"][0])

    sent = [request.partition("?")[0] for request in sigv4_proxy.forwarded[before:]]
    assert [request.split("/")[0].strip() for request in sent] == ["PUT", "GET"]
    assert sigv4_proxy.refused == []
