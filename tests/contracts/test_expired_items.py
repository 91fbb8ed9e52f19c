"""Test the contract of ExpiredItems. The table is shared: each test filters by its owner."""

import pytest

from libs.core.domain.conversions import Conversion
from libs.core.domain.ids import new_id
from libs.core.domain.progress import Item, UnreadableItem
from libs.core.domain.uploads import Upload
from libs.core.errors import UploadNotFound
from tests.contracts.backend import Backend
from tests.fakes import DAY, a_conversion, an_upload


def _expired(backend: Backend, owner: str) -> dict[str, Item]:
    found = backend.expired.expired(backend.clock())
    return {
        item.id: item
        for item in found
        if not isinstance(item, UnreadableItem) and item.owner == owner
    }


@pytest.fixture
def old(backend: Backend, owner: str) -> Upload:
    """Create an upload that expired a second ago."""
    upload = an_upload(owner, backend.clock(), expires_at=int(backend.clock()) + 9)
    backend.uploads.create(upload, [])
    backend.clock.advance(10)
    return upload


def test_an_expired_item_is_listed_as_it_was(
    backend: Backend, upload: Upload, waiting: Conversion, owner: str
) -> None:
    before = backend.uploads.get(upload.id)
    backend.clock.advance(DAY + 1)

    assert _expired(backend, owner) == {upload.id: before, waiting.id: waiting}


def test_an_item_that_has_not_expired_is_not_listed(
    backend: Backend, upload: Upload, owner: str
) -> None:
    backend.clock.advance(DAY - 1)

    assert _expired(backend, owner) == {}


def test_many_expired_items_are_all_listed(backend: Backend, owner: str) -> None:
    ids = set()
    for _ in range(15):
        upload = an_upload(owner, backend.clock())
        conversions = [a_conversion(upload) for _ in range(8)]
        backend.uploads.create(upload, conversions)
        ids |= {upload.id, *(conversion.id for conversion in conversions)}
    backend.clock.advance(DAY + 1)

    assert set(_expired(backend, owner)) == ids


def test_remove_expired_removes_an_item_once(backend: Backend, old: Upload, owner: str) -> None:
    assert backend.expired.remove_expired([old], backend.clock()) == {old.id}
    assert backend.expired.remove_expired([old], backend.clock()) == set()
    assert _expired(backend, owner) == {}


def test_a_renewed_item_is_not_removed(backend: Backend, upload: Upload) -> None:
    stale = upload
    backend.conversions.create(a_conversion(upload, expires_at=upload.expires_at + DAY), upload)
    backend.clock.advance(DAY + 1)

    assert backend.expired.remove_expired([stale], backend.clock()) == set()
    assert backend.uploads.get(upload.id).id == upload.id


def test_remove_expired_of_an_unknown_item(backend: Backend, owner: str) -> None:
    assert (
        backend.expired.remove_expired([an_upload(owner, backend.clock())], backend.clock())
        == set()
    )


def test_an_expired_item_exists_until_it_is_removed(backend: Backend, old: Upload) -> None:
    assert backend.expired.read_many([old.id])
    with pytest.raises(UploadNotFound):
        backend.uploads.get(old.id)


def test_a_removed_or_unknown_item_does_not_exist(backend: Backend, old: Upload) -> None:
    backend.expired.remove_expired([old], backend.clock())

    assert not backend.expired.read_many([old.id])
    assert not backend.expired.read_many([new_id("conversion")])


@pytest.mark.parametrize("age", [0, DAY + 1], ids=["live", "expired"])
def test_a_conversion_is_removed_with_its_upload(
    backend: Backend, waiting: Conversion, age: int
) -> None:
    backend.clock.advance(age)

    backend.expired.remove_conversion_of(waiting.id, waiting.upload_id)
    backend.expired.remove_conversion_of(waiting.id, waiting.upload_id)

    assert not backend.expired.read_many([waiting.id])


def test_a_conversion_of_another_upload_stays(backend: Backend, waiting: Conversion) -> None:
    backend.expired.remove_conversion_of(waiting.id, new_id("upload"))

    assert backend.conversions.get(waiting.id) == waiting


def test_an_upload_is_not_a_conversion_of_itself(backend: Backend, upload: Upload) -> None:
    backend.expired.remove_conversion_of(upload.id, upload.id)

    assert backend.uploads.get(upload.id) == upload


def test_read_many_returns_what_exists_also_if_it_has_expired(
    backend: Backend, old: Upload, owner: str
) -> None:
    young = an_upload(owner, backend.clock())
    backend.uploads.create(young, [])
    many = [new_id("upload") for _ in range(120)]

    found = backend.expired.read_many([*many, old.id, young.id])

    assert {item_id: item and item.id for item_id, item in found.items()} == {
        old.id: old.id,
        young.id: young.id,
    }
    assert found[young.id] == young
    assert backend.expired.read_many([]) == {}


def test_one_renewed_item_does_not_keep_the_others_from_removal(
    backend: Backend, owner: str
) -> None:
    uploads = [
        an_upload(owner, backend.clock(), expires_at=int(backend.clock()) + 9) for _ in range(5)
    ]
    for upload in uploads:
        backend.uploads.create(upload, [])
    renewed = uploads[2]
    later = a_conversion(renewed, expires_at=renewed.expires_at + 100)
    backend.conversions.create(later, renewed)
    backend.clock.advance(10)

    removed = backend.expired.remove_expired(uploads, backend.clock())

    assert removed == {upload.id for upload in uploads if upload is not renewed}
    assert backend.uploads.get(renewed.id)
