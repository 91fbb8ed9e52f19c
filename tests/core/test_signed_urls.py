"""Test the form of presigned URLs. Presigning is local, so it needs no store."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import botocore.session
import pytest
from botocore.credentials import RefreshableCredentials
from hypothesis import given
from hypothesis import strategies as st

from libs.core.adapters.aws.clients import s3_client
from libs.core.adapters.aws.url_signer import S3UrlSigner, content_disposition


@pytest.fixture
def signer() -> S3UrlSigner:
    session = boto3.Session("AKIATEST", "secret", region_name="eu-central-1")
    return S3UrlSigner(s3_client(session, path_style=False), "music")


def _query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_a_part_is_signed_by_sigv4_for_the_regional_host(signer: S3UrlSigner) -> None:
    url = signer.sign_part("uploads/x/source", "id", 3, 5, 900)

    query = _query(url)
    assert urlsplit(url).netloc == "music.s3.eu-central-1.amazonaws.com"
    assert query["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    assert query["X-Amz-Credential"].endswith("/eu-central-1/s3/aws4_request")
    assert (query["partNumber"], query["uploadId"], query["X-Amz-Expires"]) == ("3", "id", "900")


def test_the_length_of_a_part_is_signed(signer: S3UrlSigner) -> None:
    five, six = (signer.sign_part("uploads/x/source", "id", 3, size, 900) for size in (5, 6))

    assert _query(five)["X-Amz-SignedHeaders"] == "content-length;host"
    assert _query(five)["X-Amz-Signature"] != _query(six)["X-Amz-Signature"]


def test_a_part_url_has_no_checksum_of_an_empty_body(signer: S3UrlSigner) -> None:
    assert "checksum" not in signer.sign_part("uploads/x/source", "id", 3, 5, 900).lower()


def test_a_download_is_signed_with_name_and_media_type(signer: S3UrlSigner) -> None:
    url = signer.sign_download("outputs/x/1.mp3", "Für Elise.mp3", "audio/mpeg", 600)

    query = _query(url)
    assert (query["response-content-type"], query["X-Amz-Expires"]) == ("audio/mpeg", "600")
    assert query["response-content-disposition"] == content_disposition(
        "Für Elise.mp3", inline=False
    )
    assert query["X-Amz-SignedHeaders"] == "host"


def test_keys_are_quoted(signer: S3UrlSigner) -> None:
    path = urlsplit(signer.sign_download("outputs/ü b+c?#/1.mp3", "a.mp3", "audio/mpeg", 600)).path

    assert path.isascii()
    assert unquote(path) == "/outputs/ü b+c?#/1.mp3"


def test_a_disposition_has_the_name_in_ascii_and_in_utf_8() -> None:
    assert content_disposition('Für „Elise" 50%.mp3', inline=True) == (
        'inline; filename="F_r _Elise_ 50_.mp3"; '
        "filename*=UTF-8''F%C3%BCr%20%E2%80%9EElise%22%2050%25.mp3"
    )


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), st.booleans())
def test_no_file_name_can_leave_the_header(name: str, inline: bool) -> None:
    header = content_disposition(name, inline=inline)

    quoted, encoded = header.split("; filename*=UTF-8''")
    assert header.isascii()
    assert header.isprintable()
    assert quoted.count('"') == 2
    assert unquote(encoded) == name


EDGE = Path(__file__).parents[2] / "deploy" / "aws" / "edge.yaml"


def _regions() -> list[tuple[str, str]]:
    """Return every region of S3 that botocore knows, with the domain of its partition."""
    session = botocore.session.get_session()
    return [
        (region, "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com")
        for partition in ("aws", "aws-cn", "aws-us-gov")
        for region in session.get_available_regions("s3", partition_name=partition)
    ]


@pytest.mark.parametrize(("region", "domain"), _regions())
def test_urls_have_the_host_that_the_security_policy_allows(region: str, domain: str) -> None:
    [template] = re.findall(r'BucketOrigin: !Sub "https://([^"]+)"', EDGE.read_text())
    allowed = (
        template.replace("${DataStack}-${AWS::AccountId}-${AWS::Region}", "music")
        .replace("${AWS::Region}", region)
        .replace("${AWS::URLSuffix}", domain)
    )
    session = boto3.Session("AKIATEST", "secret", region_name=region)
    signer = S3UrlSigner(s3_client(session, path_style=False), "music")

    part = signer.sign_part("uploads/x/source", "id", 3, 5, 900)
    form = signer.sign_form("uploads/x/source", "audio/wav", 5, 900)

    assert urlsplit(part).netloc == allowed
    assert urlsplit(form.url).netloc == allowed


def _signer_until(expiry: datetime) -> tuple[S3UrlSigner, RefreshableCredentials]:
    """Return a signer with the credentials of a role, which expire."""

    def refresh() -> dict[str, Any]:
        return {
            "access_key": "AKIANEW",
            "secret_key": "secret",
            "token": "token",
            "expiry_time": (datetime.now(UTC) + timedelta(hours=6)).isoformat(),
        }

    credentials = RefreshableCredentials("AKIAOLD", "secret", "token", expiry, refresh, "test")
    inner = botocore.session.get_session()
    vars(inner)["_credentials"] = credentials
    session = boto3.Session(botocore_session=inner, region_name="eu-central-1")
    client = s3_client(session, path_style=False)
    return S3UrlSigner(client, "music", session.get_credentials()), credentials


def test_no_url_is_promised_beyond_the_credentials_that_sign_it() -> None:
    signer, _ = _signer_until(datetime.now(UTC) + timedelta(minutes=16))

    promised = signer.limit_lifetime(3600)

    assert 15 * 60 < promised <= 16 * 60
    for url in (
        signer.sign_part("uploads/x/source", "id", 3, 5, 3600),
        signer.sign_download("outputs/x/1.mp3", "a.mp3", "audio/mpeg", 3600),
    ):
        assert promised - 5 <= int(_query(url)["X-Amz-Expires"]) <= promised
    assert signer.limit_lifetime(600) == 600


def test_credentials_that_are_about_to_expire_are_refreshed_first() -> None:
    signer, _ = _signer_until(datetime.now(UTC) + timedelta(minutes=5))

    assert signer.limit_lifetime(3600) == 3600
    url = signer.sign_part("uploads/x/source", "id", 3, 5, 3600)
    assert _query(url)["X-Amz-Credential"].startswith("AKIANEW/")


def test_credentials_without_expiry_limit_nothing() -> None:
    session = boto3.Session("AKIATEST", "secret", region_name="eu-central-1")
    client = s3_client(session, path_style=False)

    assert S3UrlSigner(client, "music", session.get_credentials()).limit_lifetime(3600) == 3600
