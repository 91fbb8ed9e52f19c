"""Parse the headers of tus 1.0.0."""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from email.utils import formatdate

from libs.core.domain.item_text import MAX_TUS
from libs.core.errors import TusRequestInvalid

VERSION = "1.0.0"
EXTENSIONS = (
    "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination,"
    "concatenation"
)
ALGORITHMS = ("sha1", "md5", "sha256")
MEDIA_TYPE = "application/offset+octet-stream"

MAX_METADATA = 8 * 1024
"""Bytes of `Upload-Metadata` that are accepted: it is stored on the item and sent back, and so is
`Upload-Concat`. See `MAX_TUS` for both together."""

MAX_DIGITS = 30
"""Digits of a number in a header. No file is that large, and DynamoDB compares no more than 38."""

_PARTIAL_URL = re.compile(r"(?:https?://[^/\s]+)?/api/uploads/tus/([A-Za-z0-9_-]+)")


@dataclass(frozen=True)
class Checksum:
    """Name a digest algorithm and the digest that the body must have."""

    algorithm: str
    digest: bytes

    def matches(self, digest: "hashlib._Hash") -> bool:
        """Return True if the digest of the received bytes is the expected one."""
        return digest.digest() == self.digest


def parse_number(name: str, value: str | None) -> int:
    """Return a header's non-negative decimal number.

    Raises:
        TusRequestInvalid: The header is missing or not such a number.
    """
    if value is None or not re.fullmatch(f"[0-9]{{1,{MAX_DIGITS}}}", value):
        raise TusRequestInvalid(f"{name} must be a whole number of bytes.")
    return int(value)


def parse_metadata(value: str | None) -> dict[str, str]:
    """Decode `Upload-Metadata`: comma-separated pairs of a key and a value in Base64.

    Raises:
        TusRequestInvalid: A pair is malformed or a key appears twice.
    """
    if not value or not value.strip():
        return {}
    if len(value.encode()) > MAX_METADATA:
        raise TusRequestInvalid(f"Upload-Metadata is longer than {MAX_METADATA} bytes.")
    found: dict[str, str] = {}
    for pair in value.split(","):
        key, _, encoded = pair.strip().partition(" ")
        if not key or key in found:
            raise TusRequestInvalid("Upload-Metadata has an empty key, or one key twice.")
        try:
            # Values may be any bytes; those that we read are text.
            found[key] = base64.b64decode(encoded.strip(), validate=True).decode(errors="replace")
        except (binascii.Error, ValueError):
            raise TusRequestInvalid(f"Upload-Metadata: {key[:40]} is not Base64.") from None
    return found


def require_storable(metadata: str, concat: str) -> None:
    """Raise TusRequestInvalid if the two headers are too long to be stored on an item."""
    if len(metadata.encode()) + len(concat.encode()) > MAX_TUS:
        raise TusRequestInvalid(
            f"Upload-Metadata and Upload-Concat are longer than {MAX_TUS} bytes together."
        )


def parse_checksum(value: str | None) -> Checksum | None:
    """Decode `Upload-Checksum`; None where there is none.

    Raises:
        TusRequestInvalid: The algorithm is unknown or the digest is not Base64.
    """
    if value is None:
        return None
    algorithm, _, encoded = value.strip().partition(" ")
    if algorithm not in ALGORITHMS:
        raise TusRequestInvalid(f"Upload-Checksum takes {', '.join(ALGORITHMS)}.")
    try:
        return Checksum(algorithm, base64.b64decode(encoded.strip(), validate=True))
    except (binascii.Error, ValueError):
        raise TusRequestInvalid("The digest in Upload-Checksum is not Base64.") from None


def parse_concat(value: str | None) -> list[str] | None:
    """Return the ids that `Upload-Concat: final;…` joins, or None for other values.

    Raises:
        TusRequestInvalid: The header is malformed or names no uploads of this endpoint.
    """
    if value is None or value == "partial":
        return None
    kind, _, urls = value.partition(";")
    matches = [_PARTIAL_URL.fullmatch(url) for url in urls.split()]
    if kind != "final" or not matches or not all(matches):
        raise TusRequestInvalid("Upload-Concat must be partial, or final; and upload URLs.")
    return [match.group(1) for match in matches if match]


def http_date(epoch: float) -> str:
    """Return a time in epoch seconds as an HTTP date (RFC 9110, section 5.6.7)."""
    return formatdate(epoch, usegmt=True)
