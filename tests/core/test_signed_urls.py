"""Test the form of presigned URLs. Presigning is local, so it needs no store."""

from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import pytest
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
