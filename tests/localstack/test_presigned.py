"""Test that presigned URLs pass a check as strict as that of S3."""

import pytest

from tests.sigv4_proxy import SigV4Proxy
from tests.system.client import Client

pytestmark = pytest.mark.localstack


def test_presigned_requests_of_a_conversion_pass_sigv4_checks(
    client: Client, sigv4_proxy: SigV4Proxy, short: bytes
) -> None:
    before = len(sigv4_proxy.forwarded)
    upload = client.upload(short, "short.wav", {"format": "mp3"})
    client.until_ended(upload["conversions"][0])

    assert client.download(upload["conversions"][0])

    sent = [request.partition("?")[0] for request in sigv4_proxy.forwarded[before:]]
    assert [request.split("/")[0].strip() for request in sent] == ["PUT", "GET"]
    assert sigv4_proxy.refused == []
