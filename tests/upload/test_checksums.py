"""Check the checksums that a client may send with a part.

The values are those that S3 itself returns for "hello".
"""

import base64

import pytest

from libs.core.errors import ChecksumMismatch
from services.upload.checksums import check

RIGHT = {
    "content-md5": "XUFAKrxLKna5cZ2REBfFkg==",
    "x-amz-checksum-sha1": "qvTGHdzF6KLavt4PO0gs2a6pQ00=",
    "x-amz-checksum-sha256": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
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


def test_a_part_without_checksum_is_accepted() -> None:
    check({"content-type": "audio/wav"}, b"hello")


def test_the_checksums_of_an_empty_body_match() -> None:
    check({"x-amz-checksum-crc32": "AAAAAA==", "content-md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, b"")
