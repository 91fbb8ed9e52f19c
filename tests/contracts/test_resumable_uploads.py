"""Test ResumableUploads, sentence by sentence."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from libs.core.domain.uploads import TusState, Upload, UploadStatus, claimed_state
from libs.core.errors import OffsetMismatch, UploadClosed, UploadLocked, UploadNotFound
from tests.contracts.backend import Backend
from tests.fakes import DAY, an_upload


@pytest.fixture
def upload(backend: Backend, owner: str) -> Upload:
    """Create a tus upload of unknown size that stands at byte 7."""
    upload = an_upload(
        owner,
        backend.clock(),
        size=None,
        tus=TusState(offset=7, metadata="a YQ==", concat="partial"),
    )
    backend.uploads.create(upload, [])
    return upload


def state(upload: Upload, writer: str, offset: int) -> TusState:
    assert upload.tus is not None
    return replace(upload.tus, writer=writer, offset=offset, remainder="ab" * 32)


def test_created_upload_keeps_its_state_and_unknown_size(backend: Backend, upload: Upload) -> None:
    assert backend.uploads.get(upload.id) == upload


def test_claim_at_the_offset_sets_the_writer(backend: Backend, upload: Upload) -> None:
    claimed = backend.resumable.claim(upload.id, upload.owner, 7, "first")

    assert claimed.tus == claimed_state(upload, "first")
    assert claimed.version == upload.version + 1


def test_each_of_many_writers_at_once_gets_a_part_number_of_its_own(
    backend: Backend, upload: Upload
) -> None:
    def claim(number: int) -> int:
        claimed = backend.resumable.claim(upload.id, upload.owner, 7, f"writer {number}")
        assert claimed.tus
        return claimed.tus.next_part

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(claim, range(8)))

    assert sorted(numbers) == list(range(2, 10))


def test_claim_at_another_offset_changes_nothing(backend: Backend, upload: Upload) -> None:
    with pytest.raises(OffsetMismatch, match="7"):
        backend.resumable.claim(upload.id, upload.owner, 8, "first")

    assert backend.uploads.get(upload.id) == upload


def test_claim_of_another_owner_finds_nothing(backend: Backend, upload: Upload) -> None:
    with pytest.raises(UploadNotFound):
        backend.resumable.claim(upload.id, "somebody else", 7, "first")


def test_claim_of_an_ordinary_upload_finds_nothing(backend: Backend, owner: str) -> None:
    ordinary = an_upload(owner, backend.clock())
    backend.uploads.create(ordinary, [])

    with pytest.raises(UploadNotFound):
        backend.resumable.claim(ordinary.id, owner, 0, "first")


def test_advance_records_offset_parts_and_size(backend: Backend, upload: Upload) -> None:
    backend.resumable.claim(upload.id, upload.owner, 7, "first")

    moved = backend.resumable.advance(upload.id, state(upload, "first", 12), {1, 2}, 100)

    assert moved.tus == state(upload, "first", 12)
    assert (set(moved.completed_parts), moved.size) == ({1, 2}, 100)
    assert backend.uploads.get(upload.id) == moved


def test_advance_of_a_replaced_writer_changes_nothing(backend: Backend, upload: Upload) -> None:
    backend.resumable.claim(upload.id, upload.owner, 7, "first")
    claimed = backend.resumable.claim(upload.id, upload.owner, 7, "second")

    with pytest.raises(UploadLocked):
        backend.resumable.advance(upload.id, state(upload, "first", 12), {1})

    assert backend.uploads.get(upload.id) == claimed


def test_ended_upload_takes_no_bytes(backend: Backend, upload: Upload) -> None:
    backend.resumable.claim(upload.id, upload.owner, 7, "first")
    done = backend.uploads.mark_uploaded(upload.id, 20)
    assert (done.status, done.size) == (UploadStatus.UPLOADED, 20)

    with pytest.raises(UploadClosed):
        backend.resumable.claim(upload.id, upload.owner, 7, "second")
    with pytest.raises(UploadClosed):
        backend.resumable.advance(upload.id, state(upload, "first", 12), {1})


def test_expired_or_removed_upload_is_unknown(backend: Backend, upload: Upload) -> None:
    backend.resumable.claim(upload.id, upload.owner, 7, "first")
    backend.clock.advance(2 * DAY)

    with pytest.raises(UploadNotFound):
        backend.resumable.claim(upload.id, upload.owner, 7, "second")
    with pytest.raises(UploadNotFound):
        backend.resumable.advance(upload.id, state(upload, "first", 12), {1})
