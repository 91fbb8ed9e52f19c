"""Verify presigned URLs as S3 does and emulators do not: signature, expiry and length."""

import secrets
import time
from collections.abc import Iterator

import boto3
import httpx
import pytest

from libs.core.adapters.aws import clients
from libs.core.adapters.aws.multipart_uploads import S3MultipartUploads
from libs.core.adapters.aws.objects import S3ObjectStore
from libs.core.adapters.aws.url_signer import S3UrlSigner
from tests.contracts.aws import Connection
from tests.sigv4_proxy import SigV4Proxy, presigned_url_error

ON_EMULATORS = ["moto", pytest.param("localstack", marks=pytest.mark.localstack)]
SOUND = b"sound" * 1000


class VerifiedBucket:
    """Provide a bucket behind the verifying proxy."""

    def __init__(self, proxy: SigV4Proxy, name: str) -> None:
        self.proxy = proxy
        self.client = clients.s3_client(
            boto3.Session("test", "test", region_name="eu-central-1"),
            path_style=True,
            endpoint=proxy.url,
        )
        self.signer = S3UrlSigner(self.client, name)
        self.objects = S3ObjectStore(self.client, name)
        self.multipart = S3MultipartUploads(self.client, name)
        self.key = f"tests/{secrets.token_hex(6)}/ü +&="


@pytest.fixture(params=ON_EMULATORS)
def bucket(request: pytest.FixtureRequest) -> Iterator[VerifiedBucket]:
    connection: Connection = request.getfixturevalue(request.param)
    with SigV4Proxy(connection.endpoint) as proxy:
        bucket = VerifiedBucket(proxy, connection.stack.bucket_name)
        yield bucket
        bucket.client.close()


@pytest.fixture
def part_url(bucket: VerifiedBucket) -> str:
    """Return a URL for a part of exactly the length of SOUND."""
    multipart_id = bucket.multipart.create(bucket.key, "audio/wav", {})
    return bucket.signer.sign_part(bucket.key, multipart_id, 1, len(SOUND), 60)


@pytest.fixture
def download_url(bucket: VerifiedBucket) -> str:
    bucket.objects.put(bucket.key, SOUND, "application/octet-stream", {})
    return bucket.signer.sign_download(bucket.key, 'Grüße "live", 100 %.mp3', "audio/mpeg", 60)


def assert_refused(answer: httpx.Response, status: int, code: str, words: str) -> None:
    assert answer.status_code == status, answer.text
    assert f"<Code>{code}</Code>" in answer.text
    assert words in answer.text


def with_parameter(url: str, name: str, value: str) -> str:
    return str(httpx.URL(url).copy_set_param(name, value))


def test_a_part_of_the_signed_length_is_stored(bucket: VerifiedBucket, part_url: str) -> None:
    answer = httpx.put(part_url, content=SOUND)

    assert answer.status_code == 200
    assert answer.headers["etag"]


@pytest.mark.parametrize("body", [SOUND[:-1], SOUND + b"!", b""])
def test_a_part_of_another_length_is_refused(
    bucket: VerifiedBucket, part_url: str, body: bytes
) -> None:
    assert_refused(
        httpx.put(part_url, content=body), 403, "SignatureDoesNotMatch", "does not match"
    )

    assert bucket.multipart.list_parts(bucket.key, httpx.URL(part_url).params["uploadId"]) == []


def test_a_part_url_is_valid_for_its_part_only(bucket: VerifiedBucket, part_url: str) -> None:
    assert_refused(
        httpx.put(with_parameter(part_url, "partNumber", "2"), content=SOUND),
        403,
        "SignatureDoesNotMatch",
        "does not match",
    )


def test_a_part_url_is_not_valid_for_get(bucket: VerifiedBucket, part_url: str) -> None:
    assert_refused(httpx.get(part_url), 403, "SignatureDoesNotMatch", "does not match")


def test_a_download_has_the_signed_name_and_type(bucket: VerifiedBucket, download_url: str) -> None:
    answer = httpx.get(download_url)

    assert (answer.status_code, answer.content) == (200, SOUND)
    assert answer.headers["content-type"] == "audio/mpeg"
    assert "filename*=UTF-8''Gr%C3%BC%C3%9Fe%20" in answer.headers["content-disposition"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("response-content-disposition", "inline"),
        ("response-content-type", "text/html"),
        ("X-Amz-Expires", "604800"),
        ("X-Amz-Signature", "0" * 64),
    ],
)
def test_a_changed_download_url_is_refused(
    bucket: VerifiedBucket, download_url: str, name: str, value: str
) -> None:
    assert_refused(
        httpx.get(with_parameter(download_url, name, value)),
        403,
        "SignatureDoesNotMatch",
        "does not match",
    )


def test_a_download_url_is_valid_for_its_object_only(
    bucket: VerifiedBucket, download_url: str
) -> None:
    assert_refused(
        httpx.get(download_url.replace("tests/", "uploads/", 1)),
        403,
        "SignatureDoesNotMatch",
        "does not match",
    )


def test_a_range_is_served_until_the_url_expires(bucket: VerifiedBucket, download_url: str) -> None:
    answer = httpx.get(download_url, headers={"Range": "bytes=5-9"})

    assert (answer.status_code, answer.content) == (206, b"sound")


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=5-9"}])
def test_an_expired_url_is_refused_for_the_rest_of_a_download(
    bucket: VerifiedBucket,
    download_url: str,
    headers: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert httpx.get(download_url, headers=headers).status_code in (200, 206)

    monkeypatch.setattr("tests.sigv4_proxy.now", clock_ahead(61))

    assert_refused(
        httpx.get(download_url, headers=headers), 403, "AccessDenied", "Request has expired"
    )


def test_an_expired_part_url_is_refused_and_a_new_one_works(
    bucket: VerifiedBucket, part_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("tests.sigv4_proxy.now", clock_ahead(61))
        assert_refused(
            httpx.put(part_url, content=SOUND), 403, "AccessDenied", "Request has expired"
        )

    again = bucket.signer.sign_part(
        bucket.key, httpx.URL(part_url).params["uploadId"], 1, len(SOUND), 60
    )
    assert httpx.put(again, content=SOUND).status_code == 200


def test_an_object_is_not_served_without_a_signature(
    bucket: VerifiedBucket, download_url: str
) -> None:
    assert_refused(httpx.get(download_url.partition("?")[0]), 403, "AccessDenied", "Access Denied")


def test_an_unsigned_amz_header_is_refused(bucket: VerifiedBucket, part_url: str) -> None:
    answer = httpx.put(part_url, content=SOUND, headers={"x-amz-acl": "public-read"})

    assert_refused(answer, 403, "AccessDenied", "not signed")


def test_another_access_key_is_unknown(bucket: VerifiedBucket, download_url: str) -> None:
    answer = httpx.get(
        with_parameter(
            download_url, "X-Amz-Credential", "other/20261122/eu-central-1/s3/aws4_request"
        )
    )

    assert_refused(answer, 403, "InvalidAccessKeyId", "does not exist")


def test_the_proxy_computes_the_signature_of_the_aws_documentation() -> None:
    """The example is that of "Authenticating Requests: Using Query Parameters"."""
    target = (
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )
    headers = {"host": "examplebucket.s3.amazonaws.com"}
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

    assert (
        presigned_url_error(
            "GET", target, headers, "AKIAIOSFODNN7EXAMPLE", secret, at=1369353600 + 60
        )
        is None
    )


def clock_ahead(seconds: float) -> object:
    """Return a clock that is ahead."""
    real = time.time
    return lambda: real() + seconds
