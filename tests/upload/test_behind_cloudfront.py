"""Test what visitors see of a service that only CloudFront may call."""

from litestar.testing import TestClient

from services.upload.app import create_app
from tests.upload.support import UploadHarness, create_container
from tests.upload.test_companion import Multipart


def test_behind_cloudfront_the_location_is_at_the_address_of_the_page(
    harness: UploadHarness,
) -> None:
    """The host name of the load balancer is nobody's business: there, no WAF is in front."""
    secret, page = "a" * 32, "https://audio.example"
    container = create_container(origins=page, origin_secret=secret, secure_cookies=False)
    harness.override_adapters(container)
    with TestClient(create_app(container)) as client:
        client.headers["X-Origin-Secret"] = secret
        multipart = Multipart(client, harness)
        etag = multipart.put(1, b"all")

        answer = multipart.complete([(1, etag)])

    assert answer.json()["location"] == f"{page}/api/uploads/{multipart.upload.id}"
