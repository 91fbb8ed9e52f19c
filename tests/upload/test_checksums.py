"""Check the checksums that a client may send with a part.

The values for "hello" are those of S3, and of the reference implementations.
"""

import base64
import hashlib

import pytest

from libs.core.errors import ChecksumMismatch
from services.upload.checksums import check

RIGHT = {
    "content-md5": "XUFAKrxLKna5cZ2REBfFkg==",
    "x-amz-checksum-sha1": "qvTGHdzF6KLavt4PO0gs2a6pQ00=",
    "x-amz-checksum-sha256": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
    "x-amz-checksum-sha512": "m3HSJL1i83hdltRq0+o9czGb+8KJDKra4t/3JRlnPKcj"
    "I8PZm6XBHXx6zG4UuMXaDEZjR1wuXDre9G9zvN7AQw==",
    "x-amz-checksum-md5": "XUFAKrxLKna5cZ2REBfFkg==",
    "x-amz-checksum-xxhash64": "JseCfYifbaM=",
    "x-amz-checksum-xxhash3": "lVXoVVxi3P0=",
    "x-amz-checksum-xxhash128": "tenBrQcbPn/Hec+qXlI4GA==",
    "x-amz-checksum-crc32": "NhCmhg==",
    "x-amz-checksum-crc32c": "mnG7TA==",
    "x-amz-checksum-crc64nvme": "M3eFcAZSQlc=",
}


def flipped(value: str) -> str:
    raw = bytearray(base64.b64decode(value))
    raw[-1] ^= 1
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize("name", RIGHT)
def test_a_correct_checksum_is_accepted(name: str) -> None:
    check({name: RIGHT[name]}, b"hello")


@pytest.mark.parametrize("name", RIGHT)
def test_a_checksum_of_other_bytes_is_refused(name: str) -> None:
    with pytest.raises(ChecksumMismatch, match=name):
        check({name: RIGHT[name]}, b"hellp")


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize(
    "spoil",
    [
        flipped,
        lambda v: v[:-4],
        lambda v: "",
        lambda v: "ü",
        lambda v: "not base64!",
        lambda v: v + "AAAA",
    ],
)
def test_a_wrong_or_malformed_checksum_is_refused(name: str, spoil: object) -> None:
    assert callable(spoil)
    with pytest.raises(ChecksumMismatch):
        check({name: spoil(RIGHT[name])}, b"hello")


def test_each_of_several_checksums_must_match() -> None:
    check(RIGHT, b"hello")
    with pytest.raises(ChecksumMismatch):
        check({**RIGHT, "x-amz-checksum-crc32": flipped(RIGHT["x-amz-checksum-crc32"])}, b"hello")


def test_the_md5_of_a_body_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two headers may hold it, and it takes the longest of all."""
    computed: list[bytes] = []

    def md5(body: bytes, **_: object) -> object:
        computed.append(body)
        return original(body, usedforsecurity=False)

    original = hashlib.md5
    monkeypatch.setattr(hashlib, "md5", md5)
    check(RIGHT, b"hello")

    assert computed == [b"hello"]


def test_a_checksum_that_cannot_be_checked_is_refused() -> None:
    with pytest.raises(ChecksumMismatch, match="x-amz-checksum-blake3"):
        check({"x-amz-checksum-blake3": "AAAA"}, b"hello")


def test_a_header_about_a_checksum_is_none() -> None:
    check({"x-amz-checksum-algorithm": "CRC32", "x-amz-checksum-type": "FULL_OBJECT"}, b"hello")


def test_a_part_without_checksum_is_accepted() -> None:
    check({"content-type": "audio/wav"}, b"hello")


def test_the_checksums_of_an_empty_body_match() -> None:
    check({"x-amz-checksum-crc32": "AAAAAA==", "content-md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, b"")
