"""Test the contract of MultipartUploads."""

from collections.abc import Sequence
from contextlib import suppress
from hashlib import md5

import pytest

from libs.core.domain.uploads import MIN_PART_SIZE
from libs.core.errors import MultipartUploadGone, ObjectMissing, PartsChanged
from libs.core.ports.multipart_uploads import Part
from tests.contracts.backend import Backend

FIRST = b"a" * MIN_PART_SIZE
LAST = b"the end"


@pytest.fixture
def key(prefix: str) -> str:
    return f"{prefix}song"


@pytest.fixture
def multipart_id(backend: Backend, key: str) -> str:
    """Create a multipart upload for `key`."""
    return backend.multiparts.create(key, "audio/wav", {"trace": "00-ab-cd-01"})


@pytest.fixture
def parts(backend: Backend, key: str, multipart_id: str) -> Sequence[Part]:
    """Store two parts in it, and return them."""
    backend.multiparts.put_part(key, multipart_id, 2, LAST)
    backend.multiparts.put_part(key, multipart_id, 1, FIRST)
    return backend.multiparts.list_parts(key, multipart_id)


def test_parts_are_listed_by_number_with_size_and_etag(parts: Sequence[Part]) -> None:
    assert parts == [
        Part(1, len(FIRST), md5(FIRST).hexdigest()),
        Part(2, len(LAST), md5(LAST).hexdigest()),
    ]


def test_put_part_returns_the_etag_that_the_listing_shows(
    backend: Backend, key: str, multipart_id: str
) -> None:
    etag = backend.multiparts.put_part(key, multipart_id, 1, LAST)

    assert [part.etag for part in backend.multiparts.list_parts(key, multipart_id)] == [etag]


def test_put_part_takes_a_memoryview_and_keeps_a_copy(
    backend: Backend, key: str, multipart_id: str
) -> None:
    buffer = bytearray(b"sound")
    backend.multiparts.put_part(key, multipart_id, 1, memoryview(buffer))
    buffer[:] = b"noise"
    backend.multiparts.complete(key, multipart_id, backend.multiparts.list_parts(key, multipart_id))

    assert b"".join(backend.objects.read(key, 0, 5)) == b"sound"


def test_a_part_replaces_an_earlier_part_of_its_number(
    backend: Backend, key: str, multipart_id: str
) -> None:
    backend.multiparts.put_part(key, multipart_id, 1, b"longer than the other")
    backend.multiparts.put_part(key, multipart_id, 1, b"other")

    assert [
        (part.number, part.size) for part in backend.multiparts.list_parts(key, multipart_id)
    ] == [(1, 5)]


def test_part_numbers_go_up_to_10000(backend: Backend, key: str, multipart_id: str) -> None:
    backend.multiparts.put_part(key, multipart_id, 10_000, LAST)

    assert [part.number for part in backend.multiparts.list_parts(key, multipart_id)] == [10_000]


def test_a_new_multipart_upload_has_no_parts(backend: Backend, key: str, multipart_id: str) -> None:
    assert list(backend.multiparts.list_parts(key, multipart_id)) == []


def test_list_parts_goes_beyond_a_thousand(backend: Backend, key: str, multipart_id: str) -> None:
    for number in range(1, 1_002):
        backend.multiparts.put_part(key, multipart_id, number, b"1")

    assert [part.number for part in backend.multiparts.list_parts(key, multipart_id)] == list(
        range(1, 1_002)
    )


@pytest.mark.parametrize(
    ("first", "last", "numbers"),
    [(1, 2, [1, 2]), (2, 2, [2]), (3, 4, []), (3, 5, [5]), (5, 9, [5]), (7, 9, []), (2, 6, [2, 5])],
)
def test_list_parts_of_a_range_shows_no_others(
    backend: Backend, key: str, multipart_id: str, first: int, last: int, numbers: list[int]
) -> None:
    backend.needs("part number markers")
    for number in (1, 2, 5):
        backend.multiparts.put_part(key, multipart_id, number, b"1")

    listed = backend.multiparts.list_parts(key, multipart_id, first, last)

    assert [part.number for part in listed] == numbers


def test_complete_makes_the_parts_one_object(
    backend: Backend, key: str, multipart_id: str, parts: Sequence[Part]
) -> None:
    etag = backend.multiparts.complete(key, multipart_id, parts)

    info = backend.objects.head(key)
    assert (info.size, info.etag) == (len(FIRST + LAST), etag)
    assert b"".join(backend.objects.read(key, len(FIRST) - 1, info.size)) == b"a" + LAST


def test_complete_keeps_media_type_and_metadata(
    backend: Backend, key: str, multipart_id: str, parts: Sequence[Part]
) -> None:
    backend.multiparts.complete(key, multipart_id, parts)

    assert backend.metadata_of(key) == ("audio/wav", {"trace": "00-ab-cd-01"})


def test_there_is_no_object_before_the_completion(
    backend: Backend, key: str, parts: Sequence[Part]
) -> None:
    with pytest.raises(ObjectMissing):
        backend.objects.head(key)


def test_complete_takes_only_the_parts_it_is_given(
    backend: Backend, key: str, multipart_id: str, parts: Sequence[Part]
) -> None:
    backend.multiparts.complete(key, multipart_id, parts[1:])

    assert backend.objects.head(key).size == len(LAST)


def test_a_completed_multipart_upload_is_gone_and_its_object_stays(
    backend: Backend, key: str, multipart_id: str, parts: Sequence[Part]
) -> None:
    backend.multiparts.complete(key, multipart_id, parts)

    with pytest.raises(MultipartUploadGone):
        backend.multiparts.list_parts(key, multipart_id)
    # The contract lets a store answer the repeated completion either way; the object decides.
    with suppress(MultipartUploadGone):
        backend.multiparts.complete(key, multipart_id, parts)
    assert backend.objects.head(key).size == len(FIRST + LAST)


def test_several_may_be_open_for_one_key(backend: Backend, key: str) -> None:
    one, other = (backend.multiparts.create(key, "audio/wav", {}) for _ in range(2))
    backend.multiparts.put_part(key, one, 1, b"one")

    assert one != other
    assert list(backend.multiparts.list_parts(key, other)) == []


def test_abort_deletes_the_parts(
    backend: Backend, key: str, multipart_id: str, parts: Sequence[Part]
) -> None:
    backend.multiparts.abort(key, multipart_id)

    with pytest.raises(MultipartUploadGone):
        backend.multiparts.list_parts(key, multipart_id)


def test_an_aborted_multipart_upload_takes_no_part_and_no_completion(
    backend: Backend, key: str, multipart_id: str, parts: Sequence[Part]
) -> None:
    backend.needs("refusal after abort")
    backend.multiparts.abort(key, multipart_id)

    with pytest.raises(MultipartUploadGone):
        backend.multiparts.put_part(key, multipart_id, 1, LAST)
    with pytest.raises(MultipartUploadGone):
        backend.multiparts.complete(key, multipart_id, parts)


def test_abort_ignores_an_unknown_multipart_upload(
    backend: Backend, key: str, multipart_id: str
) -> None:
    backend.multiparts.abort(key, multipart_id)
    backend.multiparts.abort(key, multipart_id)


def test_abort_after_the_completion_keeps_the_object(
    backend: Backend, key: str, multipart_id: str, parts: Sequence[Part]
) -> None:
    backend.multiparts.complete(key, multipart_id, parts)
    backend.multiparts.abort(key, multipart_id)

    assert backend.objects.head(key).size == len(FIRST + LAST)


def test_list_open_omits_completed_and_aborted_multipart_uploads(
    backend: Backend, prefix: str
) -> None:
    ids = {
        name: backend.multiparts.create(f"{prefix}{name}", "audio/wav", {})
        for name in ("open", "completed", "aborted")
    }
    completed = f"{prefix}completed"
    backend.multiparts.put_part(completed, ids["completed"], 1, LAST)
    backend.multiparts.complete(
        completed, ids["completed"], backend.multiparts.list_parts(completed, ids["completed"])
    )
    backend.multiparts.abort(f"{prefix}aborted", ids["aborted"])
    backend.multiparts.create(f"elsewhere/{prefix}", "audio/wav", {})

    [found] = backend.multiparts.list_open(prefix)

    assert (found.key, found.multipart_id) == (f"{prefix}open", ids["open"])


def test_list_open_returns_the_start_times(
    backend: Backend, key: str, multipart_id: str, prefix: str
) -> None:
    backend.needs("start of multipart uploads")

    [found] = backend.multiparts.list_open(prefix)

    assert found.started_at == pytest.approx(backend.clock(), abs=600)


def test_list_open_goes_beyond_a_thousand(backend: Backend, prefix: str) -> None:
    ids = {
        backend.multiparts.create(f"{prefix}{number % 3}", "audio/wav", {})
        for number in range(1_001)
    }

    assert {found.multipart_id for found in backend.multiparts.list_open(prefix)} == ids


def test_list_open_begins_after_a_key(backend: Backend, prefix: str) -> None:
    for name in ("b", "a", "c", "b"):
        backend.multiparts.create(prefix + name, "audio/wav", {})

    def names(after: str) -> list[str]:
        listed = backend.multiparts.list_open(prefix, after)
        return [found.key.removeprefix(prefix) for found in listed]

    assert names(f"{prefix}a") == names(f"{prefix}aa") == ["b", "b", "c"]
    assert names(f"{prefix}b") == ["c"]
    assert names("") == names(prefix) == ["a", "b", "b", "c"]


def test_an_id_is_valid_for_its_own_key_only(backend: Backend, key: str, multipart_id: str) -> None:
    backend.needs("keys of multipart uploads")

    with pytest.raises(MultipartUploadGone):
        backend.multiparts.list_parts(f"{key}-2", multipart_id)


def test_a_part_stored_again_after_the_listing_is_refused(
    backend: Backend, key: str, multipart_id: str, parts: Sequence[Part]
) -> None:
    backend.multiparts.put_part(key, multipart_id, 2, b"another end")

    with pytest.raises(PartsChanged):
        backend.multiparts.complete(key, multipart_id, parts)

    listed = backend.multiparts.list_parts(key, multipart_id)
    assert backend.multiparts.complete(key, multipart_id, listed)
    assert backend.objects.head(key).size == len(FIRST) + len(b"another end")


def test_a_completion_without_the_part_is_refused(
    backend: Backend, key: str, multipart_id: str, parts: Sequence[Part]
) -> None:
    # Alone: S3 looks at the sizes of all but the last part first.
    unknown = Part(3, 7, md5(b"nothing").hexdigest())

    with pytest.raises(PartsChanged):
        backend.multiparts.complete(key, multipart_id, [unknown])
