"""Test that S3 verifies the checksums of parts, and copies parts of other objects."""

import pytest

from libs.core.domain.checksums import ChecksumAlgorithm, PartChecksum
from libs.core.domain.uploads import MIN_PART_SIZE
from libs.core.errors import ChecksumMismatch, ObjectMissing
from tests.contracts.backend import Backend

SOUND: dict[ChecksumAlgorithm, str] = {
    "crc32": "+I7DhA==",
    "crc32c": "glpreQ==",
    "crc64nvme": "R99xlQx1jJI=",
    "sha1": "Xi6Xw8e6MDXG5vw6F+G8IgKcDD4=",
    "sha256": "3SlELeymn1LFAAa4Mcshbt94p9ozdI8KgP8Z8uvlfs0=",
}
"""Checksums of the bytes `sound`."""

every_algorithm = pytest.mark.parametrize("algorithm", SOUND)


@pytest.fixture
def key(prefix: str) -> str:
    return f"{prefix}song"


@pytest.fixture
def multipart_id(backend: Backend, key: str) -> str:
    return backend.multiparts.create(key, "audio/wav", {})


@every_algorithm
def test_a_part_with_its_checksum_is_stored_and_completed(
    backend: Backend, key: str, multipart_id: str, algorithm: ChecksumAlgorithm
) -> None:
    checksum = PartChecksum(algorithm, SOUND[algorithm])
    backend.multiparts.put_part(key, multipart_id, 1, b"sound", checksum)

    backend.multiparts.complete(key, multipart_id, backend.multiparts.list_parts(key, multipart_id))

    assert b"".join(backend.objects.read(key, 0, 5)) == b"sound"


@every_algorithm
def test_a_part_that_arrives_different_is_refused_and_not_stored(
    backend: Backend, key: str, multipart_id: str, algorithm: ChecksumAlgorithm
) -> None:
    backend.needs("part checksums")

    with pytest.raises(ChecksumMismatch):
        backend.multiparts.put_part(
            key, multipart_id, 1, b"noise", PartChecksum(algorithm, SOUND[algorithm])
        )

    assert list(backend.multiparts.list_parts(key, multipart_id)) == []


def test_parts_with_and_without_checksums_make_one_object(
    backend: Backend, key: str, multipart_id: str
) -> None:
    whole = b"a" * MIN_PART_SIZE
    backend.multiparts.put_part(key, multipart_id, 1, whole)
    backend.multiparts.put_part(
        key, multipart_id, 2, b"sound", PartChecksum("sha256", SOUND["sha256"])
    )

    backend.multiparts.complete(key, multipart_id, backend.multiparts.list_parts(key, multipart_id))

    assert backend.objects.head(key).size == MIN_PART_SIZE + 5


@every_algorithm
def test_a_url_bound_to_a_checksum_takes_only_those_bytes(
    backend: Backend, key: str, multipart_id: str, algorithm: ChecksumAlgorithm
) -> None:
    backend.needs("part checksums")
    checksum = PartChecksum(algorithm, SOUND[algorithm])
    url = backend.signer.sign_part(key, multipart_id, 1, 5, 60, checksum)
    headers = {checksum.header: checksum.value}

    refused = backend.http("PUT", url, b"noise", headers)
    taken = backend.http("PUT", url, b"sound", headers)

    assert (refused.status, taken.status) == (400, 200)
    assert b"BadDigest" in refused.body


def test_a_part_is_copied_from_another_object(
    backend: Backend, prefix: str, key: str, multipart_id: str
) -> None:
    backend.objects.put(f"{prefix}other", b"a sound", "audio/wav", {})

    part = backend.multiparts.copy_part(key, multipart_id, 1, f"{prefix}other", 2, 7)

    assert backend.multiparts.list_parts(key, multipart_id) == [part]
    backend.multiparts.complete(key, multipart_id, [part])
    assert b"".join(backend.objects.read(key, 0, 5)) == b"sound"


def test_an_object_that_is_too_small_for_ranges_is_copied_as_a_whole(
    backend: Backend, prefix: str, key: str, multipart_id: str
) -> None:
    """S3 copies a range only of an object of more than 5 MB."""
    backend.objects.put(f"{prefix}other", b"sound", "audio/wav", {})

    part = backend.multiparts.copy_part(key, multipart_id, 1, f"{prefix}other", 0, 5, is_whole=True)

    assert backend.multiparts.list_parts(key, multipart_id) == [part]
    backend.multiparts.complete(key, multipart_id, [part])
    assert b"".join(backend.objects.read(key, 0, 5)) == b"sound"


def test_no_part_is_copied_from_a_missing_object(
    backend: Backend, prefix: str, key: str, multipart_id: str
) -> None:
    with pytest.raises(ObjectMissing):
        backend.multiparts.copy_part(key, multipart_id, 1, f"{prefix}nothing", 0, 5)
