"""Divide files into parts, and derive progress from the completed parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.core.domain.uploads import (
    GIB,
    MAX_PART_SIZE,
    MAX_PARTS,
    MIB,
    MIN_PART_SIZE,
    S3_MAX_PARTS,
    TusState,
    UploadStatus,
    check_size,
    choose_part_size,
    source_key,
    upload_id_of,
)
from libs.core.errors import FileEmpty, FileTooLarge, PartNumberInvalid
from tests.fakes import an_upload

TIB = 1024 * GIB
sizes = st.integers(1, 5 * TIB)


@given(sizes)
def test_every_part_has_a_size_that_s3_accepts(size: int) -> None:
    upload = an_upload(size=size, part_size=choose_part_size(size))

    assert MIN_PART_SIZE <= upload.part_size <= MAX_PART_SIZE
    assert upload.part_size % MIB == 0
    assert upload.part_count is not None
    assert (
        1 <= upload.part_count <= (MAX_PARTS if size <= MAX_PARTS * MAX_PART_SIZE else S3_MAX_PARTS)
    )


@given(sizes)
def test_the_sizes_of_the_parts_add_up_to_the_file(size: int) -> None:
    upload = an_upload(size=size, part_size=choose_part_size(size))
    assert upload.part_count is not None
    last = upload.size_of_part(upload.part_count)

    assert (upload.part_count - 1) * upload.part_size + last == size
    assert 1 <= last <= upload.part_size
    assert upload.part_count == 1 or upload.size_of_part(1) == upload.part_size


@pytest.mark.parametrize(
    ("size", "part_size"),
    [(1, 5 * MIB), (5 * GIB, 6 * MIB), (5_000 * MIB, 5 * MIB), (5_000 * MIB + 1, 6 * MIB)],
)
def test_part_sizes_by_example(size: int, part_size: int) -> None:
    assert choose_part_size(size) == part_size


@pytest.mark.parametrize("number", [0, -1, 4, 10_001])
def test_a_part_outside_the_file_is_invalid(number: int) -> None:
    with pytest.raises(PartNumberInvalid) as refused:
        an_upload().size_of_part(number)

    assert refused.value.context == {"part_count": 3}


def test_a_file_of_full_parts_has_no_empty_last_part() -> None:
    upload = an_upload(size=10 * MIB)

    assert (upload.part_count, upload.size_of_part(2)) == (2, 5 * MIB)


def test_bytes_and_percent_are_derived_from_the_parts() -> None:
    upload = an_upload(completed_parts=frozenset({1, 3}))

    assert (upload.uploaded_bytes, upload.percent, upload.missing_parts) == (7 * MIB, 58.3, [2])


def test_nothing_uploaded_is_0_percent() -> None:
    assert (an_upload().uploaded_bytes, an_upload().percent, an_upload().missing_parts) == (
        0,
        0.0,
        [1, 2, 3],
    )


@pytest.mark.parametrize("status", [UploadStatus.UPLOADING, UploadStatus.FAILED])
def test_a_tus_upload_with_gaps_in_its_part_numbers_has_a_progress(status: UploadStatus) -> None:
    """One that failed could not be shown, nor any page of a list that it was on."""
    upload = an_upload(
        status=status, completed_parts=frozenset({2, 4}), tus=TusState(offset=10 * MIB)
    )

    assert (upload.uploaded_bytes, upload.percent) == (10 * MIB, 83.3)
    assert upload.completed_positions == [1, 2]


def test_an_uploaded_file_is_100_percent() -> None:
    assert an_upload(status=UploadStatus.UPLOADED).percent == 100.0


@pytest.mark.parametrize("size", [0, -1])
def test_an_empty_file_is_refused(size: int) -> None:
    with pytest.raises(FileEmpty):
        check_size(size, 5 * GIB)


def test_a_file_over_the_limit_is_refused_with_the_limit() -> None:
    check_size(5 * GIB, 5 * GIB)
    with pytest.raises(FileTooLarge, match="5 GiB") as refused:
        check_size(5 * GIB + 1, 5 * GIB)

    assert refused.value.context == {"limit": 5 * GIB}


def test_a_source_key_names_its_upload() -> None:
    upload = an_upload()

    assert upload.key == source_key(upload.id)
    assert upload_id_of(upload.key) == upload.id


@pytest.mark.parametrize(
    "key",
    ["", "uploads", "uploads/x", "uploads/x/source/more", "outputs/x/source", "/uploads/x/source"],
)
def test_another_key_names_no_upload(key: str) -> None:
    assert upload_id_of(key) is None
