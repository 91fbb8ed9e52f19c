"""Check the checksums that a client may send with a part: MD5, and those that S3 knows."""

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Mapping

from awscrt import checksums

from libs.core.domain.checksums import CHECKSUM_LENGTHS, PartChecksum
from libs.core.errors import ChecksumMismatch

PREFIX = "x-amz-checksum-"


def _big_endian(value: int, length: int = 4) -> bytes:
    return value.to_bytes(length, "big")


def _md5(body: bytes) -> bytes:
    return hashlib.md5(body, usedforsecurity=False).digest()


Digest = Callable[[bytes], bytes]

_DIGESTS: dict[str, Digest] = {
    "content-md5": _md5,
    "x-amz-checksum-sha1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "x-amz-checksum-sha256": lambda body: hashlib.sha256(body).digest(),
    "x-amz-checksum-sha512": lambda body: hashlib.sha512(body).digest(),
    "x-amz-checksum-md5": _md5,
    "x-amz-checksum-xxhash64": checksums.XXHash.compute_xxhash64,
    "x-amz-checksum-xxhash3": checksums.XXHash.compute_xxhash3_64,
    "x-amz-checksum-xxhash128": checksums.XXHash.compute_xxhash3_128,
    "x-amz-checksum-crc32": lambda body: _big_endian(zlib.crc32(body)),
    "x-amz-checksum-crc32c": lambda body: _big_endian(checksums.crc32c(body)),
    "x-amz-checksum-crc64nvme": lambda body: _big_endian(checksums.crc64nvme(body), 8),
}

_NO_CHECKSUMS = {"x-amz-checksum-algorithm", "x-amz-checksum-mode", "x-amz-checksum-type"}
"""Headers with this prefix that hold no checksum; they are ignored."""


def check(headers: Mapping[str, str], body: bytes) -> PartChecksum:
    """Compare each checksum among the headers with that of the body.

    Each algorithm is computed once. S3 takes one `x-amz-checksum-*` header; here several may be
    sent, as docs/api.md says.

    Args:
        headers: The request's headers, with names in lower case.
        body: The bytes that arrived.

    Returns:
        The checksum for S3 to verify: the client's strongest among those that every multipart
        upload accepts, or else the CRC-64/NVME of the body.

    Raises:
        ChecksumMismatch: A checksum is not that of the body, or of an unknown algorithm.
    """
    for name in headers:
        if name.startswith(PREFIX) and name not in _DIGESTS.keys() | _NO_CHECKSUMS:
            raise ChecksumMismatch(f"{name} cannot be checked here. Please use another algorithm.")
    computed: dict[Digest, bytes] = {}
    for name, digest in _DIGESTS.items():
        if name not in headers:
            continue
        if digest not in computed:
            computed[digest] = digest(body)
        if _decoded(headers[name]) != computed[digest]:
            raise ChecksumMismatch(
                f"The bytes that arrived do not match {name}. Please send the part again."
            )
    for algorithm in CHECKSUM_LENGTHS:
        if sent := headers.get(f"{PREFIX}{algorithm}"):
            return PartChecksum(algorithm, sent)
    return crc64nvme(body)


def crc64nvme(body: bytes) -> PartChecksum:
    """Return the CRC-64/NVME of a part, which costs the least and is S3's own default."""
    value = _big_endian(checksums.crc64nvme(body), 8)
    return PartChecksum("crc64nvme", base64.b64encode(value).decode())


def _decoded(value: str) -> bytes | None:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
