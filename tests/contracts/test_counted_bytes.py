"""Test how an UploadStore keeps the bytes that quotas have counted."""

from libs.core.domain.uploads import Upload
from tests.contracts.backend import Backend


def test_counted_bytes_only_grow(backend: Backend, upload: Upload) -> None:
    counted = [
        backend.uploads.set_counted_bytes(upload.id, size).counted_bytes
        for size in (10, 3, 10, 2**40)
    ]

    assert counted == [10, 10, 10, 2**40]
    assert backend.uploads.get(upload.id).counted_bytes == 2**40


def test_as_many_bytes_change_nothing(backend: Backend, upload: Upload) -> None:
    now = backend.uploads.set_counted_bytes(upload.id, 10)

    assert backend.uploads.set_counted_bytes(upload.id, 10) == now


def test_an_ended_upload_counts_no_more_bytes(backend: Backend, upload: Upload) -> None:
    ended = backend.uploads.mark_uploaded(upload.id)

    assert backend.uploads.set_counted_bytes(upload.id, 10) == ended
