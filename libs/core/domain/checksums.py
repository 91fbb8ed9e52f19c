"""Define the checksums by which S3 verifies a part."""

import base64
import binascii
from dataclasses import dataclass
from typing import Literal

ChecksumAlgorithm = Literal["crc32", "crc32c", "crc64nvme", "sha1", "sha256"]

CHECKSUM_LENGTHS: dict[ChecksumAlgorithm, int] = {
    "sha256": 32,
    "sha1": 20,
    "crc64nvme": 8,
    "crc32c": 4,
    "crc32": 4,
}
"""Bytes of a checksum, the strongest algorithm first."""


@dataclass(frozen=True)
class PartChecksum:
    """Hold the checksum of a part; `value` is in Base64."""

    algorithm: ChecksumAlgorithm
    value: str

    @property
    def header(self) -> str:
        """Return the name of the header that S3 reads it from."""
        return f"x-amz-checksum-{self.algorithm}"

    @property
    def is_well_formed(self) -> bool:
        """Return True if the value has the length of its algorithm."""
        try:
            decoded = base64.b64decode(self.value, validate=True)
        except (binascii.Error, ValueError):
            return False
        return len(decoded) == CHECKSUM_LENGTHS[self.algorithm]
