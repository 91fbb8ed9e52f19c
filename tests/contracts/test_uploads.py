"""Test the contract of UploadStore."""

from collections.abc import Callable
from typing import Any

import pytest

from libs.core.domain.ids import new_id
from libs.core.domain.uploads import Failure, Upload, UploadStatus
from libs.core.errors import ConversionNotFound, CursorInvalid, UploadClosed, UploadNotFound
from libs.core.ports.uploads import IdTaken
from tests.contracts.backend import Backend
from tests.contracts.invalid_cursors import INVALID_CURSORS
from tests.fakes import DAY, a_conversion, an_upload

BROKEN = Failure("too_large", "The file is too large.")

CHANGES: dict[str, Callable[[Backend, Upload], Any]] = {
    "add_parts": lambda backend, upload: backend.uploads.add_parts(upload.id, 2),
    "set_parts": lambda backend, upload: backend.uploads.set_parts(upload, {1, 2}),
    "count": lambda backend, upload: backend.uploads.set_counted_bytes(upload.id, 7),
    "mark_uploaded": lambda backend, upload: backend.uploads.mark_uploaded(upload.id),
    "mark_failed": lambda backend, upload: backend.uploads.mark_failed(upload.id, BROKEN),
}
ENDS = {name: CHANGES[name] for name in ("mark_uploaded", "mark_failed")}
ACCESSES = {**CHANGES, "get": lambda backend, upload: backend.uploads.get(upload.id)}

every_change = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
every_end = pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
every_access = pytest.mark.parametrize("access", ACCESSES.values(), ids=ACCESSES)


def test_what_was_created_comes_back_the_same(backend: Backend, owner: str) -> None:
    upload = an_upload(
        owner,
        backend.clock() + 0.25,
        conversions=(new_id("conversion"),),
        trace="00-ab-cd-01",
        request_digest="abc",
        sha256="00" * 32,
        counted_bytes=5,
    )
    backend.uploads.create(upload, [])

    found = backend.uploads.get(upload.id)

    assert found == upload
    assert found.trace == upload.trace


def test_conversions_are_created_with_their_upload(backend: Backend, owner: str) -> None:
    upload = an_upload(owner, backend.clock())
    conversions = [a_conversion(upload) for _ in range(8)]
    backend.uploads.create(upload, conversions)

    assert [backend.conversions.get(conversion.id) for conversion in conversions] == conversions


def test_create_writes_nothing_if_an_id_is_taken(
    backend: Backend, owner: str, waiting: Any
) -> None:
    upload = an_upload(owner, backend.clock())
    fresh = a_conversion(upload)

    with pytest.raises(IdTaken):
        backend.uploads.create(upload, [fresh, a_conversion(upload, id=waiting.id)])

    with pytest.raises(UploadNotFound):
        backend.uploads.get(upload.id)
    with pytest.raises(ConversionNotFound):
        backend.conversions.get(fresh.id)
    assert backend.conversions.get(waiting.id) == waiting


@every_access
def test_an_unknown_upload_is_not_found(
    backend: Backend, owner: str, access: Callable[[Backend, Upload], Any]
) -> None:
    with pytest.raises(UploadNotFound):
        access(backend, an_upload(owner, backend.clock()))


@every_access
def test_an_expired_upload_is_not_found(
    backend: Backend, upload: Upload, access: Callable[[Backend, Upload], Any]
) -> None:
    backend.clock.advance(DAY)

    with pytest.raises(UploadNotFound):
        access(backend, upload)


@every_access
def test_a_removed_upload_is_not_found(
    backend: Backend, upload: Upload, access: Callable[[Backend, Upload], Any]
) -> None:
    backend.uploads.remove(upload.id, upload.owner)

    with pytest.raises(UploadNotFound):
        access(backend, upload)


def test_get_returns_the_upload_of_its_owner(backend: Backend, upload: Upload) -> None:
    assert backend.uploads.get(upload.id, upload.owner) == upload


def test_an_upload_of_another_owner_is_not_found(backend: Backend, upload: Upload) -> None:
    with pytest.raises(UploadNotFound) as theirs:
        backend.uploads.get(upload.id, "somebody else")
    with pytest.raises(UploadNotFound) as nobodys:
        backend.uploads.get(new_id("upload"), "somebody else")
    with pytest.raises(UploadNotFound):
        backend.uploads.remove(upload.id, "somebody else")

    assert theirs.value.detail == nobodys.value.detail
    assert backend.uploads.get(upload.id) == upload


@every_change
def test_each_change_increases_the_version_and_sets_the_time(
    backend: Backend, upload: Upload, change: Callable[[Backend, Upload], Upload]
) -> None:
    backend.clock.advance(5)

    changed = change(backend, upload)

    assert changed.version > upload.version
    assert changed.updated_at == backend.clock()
    assert backend.uploads.get(upload.id) == changed


def test_add_part_keeps_the_other_parts(backend: Backend, upload: Upload) -> None:
    backend.uploads.add_parts(upload.id, 3)

    assert backend.uploads.add_parts(upload.id, 1, 2).completed_parts == {1, 2, 3}


def test_a_part_added_twice_is_recorded_once(backend: Backend, upload: Upload) -> None:
    backend.uploads.add_parts(upload.id, 3)

    assert backend.uploads.add_parts(upload.id, 3).completed_parts == {3}


@every_end
def test_an_ended_upload_refuses_a_part(
    backend: Backend, upload: Upload, end: Callable[[Backend, Upload], Upload]
) -> None:
    ended = end(backend, upload)

    with pytest.raises(UploadClosed):
        backend.uploads.add_parts(upload.id, 2)

    assert backend.uploads.get(upload.id) == ended


@pytest.mark.parametrize("parts", [{1, 3}, set(), {2}], ids=str)
def test_set_parts_stores_the_listing_of_s3(
    backend: Backend, upload: Upload, parts: set[int]
) -> None:
    upload = backend.uploads.add_parts(upload.id, 2)

    assert backend.uploads.set_parts(upload, parts).completed_parts == parts
    assert backend.uploads.get(upload.id).completed_parts == parts


def test_set_parts_keeps_a_change_made_since_the_upload_was_read(
    backend: Backend, upload: Upload
) -> None:
    now = backend.uploads.add_parts(upload.id, 3)

    assert backend.uploads.set_parts(upload, {1}) == now
    assert backend.uploads.get(upload.id) == now


@every_end
def test_set_parts_does_not_change_an_ended_upload(
    backend: Backend, upload: Upload, end: Callable[[Backend, Upload], Upload]
) -> None:
    ended = end(backend, upload)

    assert backend.uploads.set_parts(ended, {1}) == ended


def test_mark_uploaded_completes_all_parts(backend: Backend, upload: Upload) -> None:
    uploaded = backend.uploads.mark_uploaded(upload.id)

    assert (uploaded.status, uploaded.completed_parts, uploaded.percent) == (
        UploadStatus.UPLOADED,
        frozenset({1, 2, 3}),
        100.0,
    )


def test_mark_uploaded_twice_changes_nothing(backend: Backend, upload: Upload) -> None:
    uploaded = backend.uploads.mark_uploaded(upload.id)

    assert backend.uploads.mark_uploaded(upload.id) == uploaded


def test_a_failed_upload_cannot_become_uploaded(backend: Backend, upload: Upload) -> None:
    failed = backend.uploads.mark_failed(upload.id, BROKEN)

    with pytest.raises(UploadClosed):
        backend.uploads.mark_uploaded(upload.id)

    assert backend.uploads.get(upload.id) == failed


def test_mark_failed_keeps_the_reason(backend: Backend, upload: Upload) -> None:
    failed = backend.uploads.mark_failed(upload.id, BROKEN)

    assert (failed.status, failed.error) == (UploadStatus.FAILED, BROKEN)


@every_end
def test_mark_failed_returns_an_ended_upload_unchanged(
    backend: Backend, upload: Upload, end: Callable[[Backend, Upload], Upload]
) -> None:
    ended = end(backend, upload)

    assert backend.uploads.mark_failed(upload.id, Failure("other", "Another reason.")) == ended


def test_remove_returns_the_last_state_of_the_upload(backend: Backend, upload: Upload) -> None:
    last = backend.uploads.add_parts(upload.id, 1)

    assert backend.uploads.remove(upload.id, upload.owner) == last


def test_removing_twice_is_not_found(backend: Backend, upload: Upload) -> None:
    backend.uploads.remove(upload.id, upload.owner)

    with pytest.raises(UploadNotFound):
        backend.uploads.remove(upload.id, upload.owner)


def test_an_id_of_the_other_kind_is_not_found(backend: Backend, waiting: Any) -> None:
    with pytest.raises(UploadNotFound):
        backend.uploads.get(new_id("upload").replace("upl_", "cnv_"))


def test_list_shows_the_owners_uploads_newest_first(backend: Backend, owner: str) -> None:
    uploads = _three(backend, owner)
    backend.uploads.create(an_upload("somebody else", backend.clock()), [])

    page = backend.uploads.list(owner, 10)

    assert list(page.items) == uploads[::-1]


def test_list_returns_page_by_page(backend: Backend, owner: str) -> None:
    uploads = _three(backend, owner)
    seen: list[Upload] = []
    cursor = None
    for _ in range(5):
        page = backend.uploads.list(owner, 2, cursor)
        assert len(page.items) <= 2
        seen += page.items
        if (cursor := page.next) is None:
            break

    assert cursor is None
    assert seen == uploads[::-1]


def test_list_omits_expired_uploads(backend: Backend, owner: str) -> None:
    soon = an_upload(owner, backend.clock(), expires_at=int(backend.clock()) + 10)
    later = an_upload(owner, backend.clock() + 1)
    for upload in (soon, later):
        backend.uploads.create(upload, [])
    backend.clock.advance(10)

    assert list(backend.uploads.list(owner, 10).items) == [later]


def test_list_of_another_owner_is_empty(backend: Backend, owner: str) -> None:
    page = backend.uploads.list(owner, 10)

    assert (list(page.items), page.next) == ([], None)


@pytest.mark.parametrize("cursor", INVALID_CURSORS)
def test_a_forged_cursor_is_invalid(backend: Backend, owner: str, cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        backend.uploads.list(owner, 10, cursor)


def test_a_cursor_of_another_owner_lists_only_ones_own(backend: Backend, owner: str) -> None:
    _three(backend, owner)
    cursor = backend.uploads.list(owner, 1).next

    assert list(backend.uploads.list(f"{owner}-2", 10, cursor).items) == []


def _three(backend: Backend, owner: str) -> list[Upload]:
    uploads = [an_upload(owner, backend.clock() + age) for age in range(3)]
    for upload in uploads:
        backend.uploads.create(upload, [])
    return uploads
