"""Test the contract of ConversionStore."""

from collections.abc import Callable
from typing import Any

import pytest

from libs.core.domain.conversions import Conversion, ConversionStatus, Phase
from libs.core.domain.formats import ConversionOptions
from libs.core.domain.ids import new_id
from libs.core.domain.uploads import Failure, Upload
from libs.core.errors import (
    ConversionFinished,
    ConversionNotFound,
    CursorInvalid,
    UploadClosed,
    UploadNotFound,
)
from tests.contracts.backend import Backend
from tests.contracts.invalid_cursors import INVALID_CURSORS
from tests.fakes import DAY, a_conversion, an_output, an_upload

ACCESSES: dict[str, Callable[[Backend, Conversion, str], Any]] = {
    "get": lambda backend, conversion, owner: backend.conversions.get(conversion.id, owner),
    "cancel": lambda backend, conversion, owner: backend.conversions.cancel(conversion.id, owner),
    "remove": lambda backend, conversion, owner: backend.conversions.remove(conversion.id, owner),
}
every_access = pytest.mark.parametrize("access", ACCESSES.values(), ids=ACCESSES)
Access = Callable[[Backend, Conversion, str], Any]


def test_what_was_created_comes_back_the_same(backend: Backend, upload: Upload) -> None:
    options = ConversionOptions("192k", 2, 44_100, 2, 16, 1.25, 61.0, -16.5, 0.5, 10.0)
    asked = a_conversion(upload, options=options, request_digest="abc", trace="00-ab-cd-01")

    created = backend.conversions.create(asked, upload)

    found = backend.conversions.get(asked.id)
    assert found == created == asked
    assert found.trace == asked.trace


def test_create_stores_waiting_while_the_upload_is_in_progress(
    backend: Backend, upload: Upload
) -> None:
    created = backend.conversions.create(a_conversion(upload, phase=Phase.QUEUED), upload)

    assert (created.status, created.phase) == (ConversionStatus.QUEUED, Phase.WAITING)
    assert backend.conversions.get(created.id).phase is Phase.WAITING


def test_create_stores_queued_if_the_upload_is_uploaded(backend: Backend, upload: Upload) -> None:
    uploaded = backend.uploads.mark_uploaded(upload.id)

    created = backend.conversions.create(a_conversion(upload, phase=Phase.WAITING), uploaded)

    assert backend.conversions.get(created.id).phase is Phase.QUEUED


def test_create_stores_queued_if_the_upload_completed_since_it_was_read(
    backend: Backend, upload: Upload
) -> None:
    backend.uploads.mark_uploaded(upload.id)

    assert backend.conversions.create(a_conversion(upload), upload).phase is Phase.QUEUED


def test_create_adds_the_conversion_to_its_upload(backend: Backend, upload: Upload) -> None:
    conversions = [backend.conversions.create(a_conversion(upload), upload) for _ in range(3)]

    now = backend.uploads.get(upload.id)
    assert now.conversions == tuple(conversion.id for conversion in conversions)
    assert now.version > upload.version


def test_an_upload_expires_no_sooner_than_its_conversion(backend: Backend, upload: Upload) -> None:
    backend.conversions.create(a_conversion(upload, expires_at=upload.expires_at + 500), upload)
    backend.conversions.create(a_conversion(upload, expires_at=upload.expires_at + 100), upload)

    assert backend.uploads.get(upload.id).expires_at == upload.expires_at + 500


def test_a_repeated_create_returns_the_conversion_unchanged(
    backend: Backend, upload: Upload, queued: Conversion
) -> None:
    claimed = backend.leases.claim(queued.id, "worker", 60)

    again = backend.conversions.create(a_conversion(upload, id=queued.id, format="flac"), upload)

    assert again == claimed == backend.conversions.get(queued.id)
    assert backend.uploads.get(upload.id).conversions == (queued.id,)


def test_a_repeated_create_works_without_the_upload(
    backend: Backend, upload: Upload, waiting: Conversion
) -> None:
    backend.uploads.remove(upload.id, upload.owner)

    assert backend.conversions.create(a_conversion(upload, id=waiting.id), upload) == waiting


def test_create_replaces_an_expired_conversion_of_the_same_id(
    backend: Backend, upload: Upload
) -> None:
    old = a_conversion(upload, format="flac", expires_at=int(backend.clock()) + 10)
    backend.conversions.create(old, upload)
    backend.clock.advance(10)
    upload = backend.uploads.get(upload.id)

    new = backend.conversions.create(a_conversion(upload, id=old.id), upload)

    assert new.format == "mp3"
    assert backend.conversions.get(old.id) == new


def test_create_writes_nothing_for_an_unknown_upload(backend: Backend, owner: str) -> None:
    upload = an_upload(owner, backend.clock())
    conversion = a_conversion(upload)

    with pytest.raises(UploadNotFound):
        backend.conversions.create(conversion, upload)

    with pytest.raises(ConversionNotFound):
        backend.conversions.get(conversion.id)
    with pytest.raises(UploadNotFound):
        backend.uploads.get(upload.id)


def test_create_refuses_an_expired_upload(backend: Backend, upload: Upload) -> None:
    backend.clock.advance(DAY)

    with pytest.raises(UploadNotFound):
        backend.conversions.create(a_conversion(upload, expires_at=upload.expires_at + DAY), upload)


@pytest.mark.parametrize("knows", [True, False], ids=["seen", "since it was read"])
def test_create_refuses_an_upload_that_failed(
    backend: Backend, upload: Upload, knows: bool
) -> None:
    failed = backend.uploads.mark_failed(upload.id, Failure("internal", "It broke."))

    with pytest.raises(UploadClosed, match="has failed, so it cannot be converted"):
        backend.conversions.create(a_conversion(upload), failed if knows else upload)


@every_access
def test_an_unknown_conversion_is_not_found(
    backend: Backend, upload: Upload, access: Access
) -> None:
    with pytest.raises(ConversionNotFound):
        access(backend, a_conversion(upload), upload.owner)


@every_access
def test_an_expired_conversion_is_not_found(
    backend: Backend, waiting: Conversion, access: Access
) -> None:
    backend.clock.advance(DAY)

    with pytest.raises(ConversionNotFound):
        access(backend, waiting, waiting.owner)


@every_access
def test_a_conversion_of_another_owner_is_not_found(
    backend: Backend, waiting: Conversion, access: Access
) -> None:
    with pytest.raises(ConversionNotFound):
        access(backend, waiting, "somebody else")

    assert backend.conversions.get(waiting.id) == waiting


def test_the_id_of_an_upload_is_not_found(backend: Backend, upload: Upload) -> None:
    with pytest.raises(ConversionNotFound):
        backend.conversions.get(new_id("conversion"))


def test_queue_lets_a_waiting_conversion_start(backend: Backend, waiting: Conversion) -> None:
    backend.conversions.queue(waiting.id)

    now = backend.conversions.get(waiting.id)
    assert (now.phase, now.version) == (Phase.QUEUED, waiting.version + 1)


def test_queue_does_nothing_in_any_other_phase(backend: Backend, queued: Conversion) -> None:
    backend.conversions.queue(queued.id)
    assert backend.conversions.get(queued.id) == queued

    claimed = backend.leases.claim(queued.id, "worker", 60)
    backend.conversions.queue(queued.id)
    assert backend.conversions.get(queued.id) == claimed

    cancelled = backend.conversions.cancel(queued.id, queued.owner)
    backend.conversions.queue(queued.id)
    assert backend.conversions.get(queued.id) == cancelled


def test_queue_does_nothing_for_a_removed_conversion(backend: Backend, waiting: Conversion) -> None:
    backend.conversions.remove(waiting.id, waiting.owner)
    backend.conversions.queue(waiting.id)
    backend.conversions.queue(new_id("conversion"))

    with pytest.raises(ConversionNotFound):
        backend.conversions.get(waiting.id)


def test_cancel_ends_a_waiting_conversion(backend: Backend, waiting: Conversion) -> None:
    backend.clock.advance(3)

    cancelled = backend.conversions.cancel(waiting.id, waiting.owner)

    assert (cancelled.status, cancelled.phase) == (ConversionStatus.CANCELLED, Phase.DONE)
    assert cancelled.finished_at == backend.clock()
    assert cancelled.version == waiting.version + 1
    assert backend.conversions.get(waiting.id) == cancelled


def test_cancelling_twice_changes_nothing(backend: Backend, waiting: Conversion) -> None:
    cancelled = backend.conversions.cancel(waiting.id, waiting.owner)
    backend.clock.advance(3)

    assert backend.conversions.cancel(waiting.id, waiting.owner) == cancelled


def test_a_cancelled_conversion_cannot_be_claimed(backend: Backend, queued: Conversion) -> None:
    backend.conversions.cancel(queued.id, queued.owner)

    assert backend.leases.claim(queued.id, "worker", 60) is None


def test_a_completed_conversion_cannot_be_cancelled(backend: Backend, queued: Conversion) -> None:
    claimed = backend.leases.claim(queued.id, "worker", 60)
    assert claimed
    completed = backend.leases.publish(claimed, an_output(claimed), ())

    with pytest.raises(ConversionFinished):
        backend.conversions.cancel(queued.id, queued.owner)
    assert backend.conversions.get(queued.id) == completed


def test_a_failed_conversion_cannot_be_cancelled(backend: Backend, queued: Conversion) -> None:
    claimed = backend.leases.claim(queued.id, "worker", 60)
    assert claimed
    failed = backend.leases.fail(claimed, Failure("not_audio", "This is not audio."))

    with pytest.raises(ConversionFinished, match=r"already ended \(failed\)"):
        backend.conversions.cancel(queued.id, queued.owner)
    assert backend.conversions.get(queued.id) == failed


def test_remove_returns_the_last_state(backend: Backend, queued: Conversion) -> None:
    claimed = backend.leases.claim(queued.id, "worker", 60)

    assert backend.conversions.remove(queued.id, queued.owner) == claimed
    with pytest.raises(ConversionNotFound):
        backend.conversions.get(queued.id)


def test_list_shows_the_owners_conversions_newest_first_page_by_page(
    backend: Backend, upload: Upload
) -> None:
    created = [
        backend.conversions.create(a_conversion(upload, created_at=upload.created_at + n), upload)
        for n in range(5)
    ]
    stranger = an_upload("somebody else", backend.clock())
    backend.uploads.create(stranger, [a_conversion(stranger)])
    seen: list[Conversion] = []
    cursor = None
    for _ in range(5):
        page = backend.conversions.list(upload.owner, 2, cursor)
        assert len(page.items) <= 2
        seen += page.items
        if (cursor := page.next) is None:
            break

    assert cursor is None
    assert seen == created[::-1]


def test_list_omits_expired_conversions(backend: Backend, upload: Upload) -> None:
    backend.conversions.create(a_conversion(upload, expires_at=int(backend.clock()) + 10), upload)
    backend.clock.advance(10)

    assert list(backend.conversions.list(upload.owner, 10).items) == []


@pytest.mark.parametrize("cursor", INVALID_CURSORS)
def test_a_forged_cursor_is_invalid(backend: Backend, owner: str, cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        backend.conversions.list(owner, 10, cursor)
