"""Test that ids of any text name nothing: no port fails on them in another way."""

from collections.abc import Callable

import pytest

from libs.core.domain.conversions import Conversion
from libs.core.domain.uploads import Failure, TusState, Upload
from libs.core.errors import ConversionNotFound, ItemNotFound, UploadNotFound
from tests.contracts.backend import Backend
from tests.fakes import a_conversion, an_upload

IDS = ["", " ", "x" * 3_000, "é" * 1_500, "\x00", "\ud800", "upl_", "../upl_", "health", "rev_"]
FAILURE = Failure("corrupt", "The file is damaged.")


@pytest.fixture
def upload(backend: Backend, owner: str) -> Upload:
    upload = an_upload(owner, backend.clock())
    backend.uploads.create(upload, [])
    return upload


@pytest.fixture
def conversion(backend: Backend, upload: Upload) -> Conversion:
    return backend.conversions.create(a_conversion(upload), upload)


CALLS: dict[str, Callable[[Backend, str, str], object]] = {
    "uploads.get": lambda backend, item, owner: backend.uploads.get(item, owner),
    "uploads.add_parts": lambda backend, item, _: backend.uploads.add_parts(item, 1),
    "uploads.mark_uploaded": lambda backend, item, _: backend.uploads.mark_uploaded(item),
    "uploads.mark_failed": lambda backend, item, _: backend.uploads.mark_failed(item, FAILURE),
    "uploads.remove": lambda backend, item, owner: backend.uploads.remove(item, owner),
    "resumable.claim": lambda backend, item, owner: backend.resumable.claim(
        item, owner, 0, "writer"
    ),
    "resumable.advance": lambda backend, item, _: backend.resumable.advance(
        item, TusState(offset=0, writer="writer"), set()
    ),
    "uploads.set_counted_bytes": lambda backend, item, _: backend.uploads.set_counted_bytes(
        item, 1
    ),
    "conversions.get": lambda backend, item, owner: backend.conversions.get(item, owner),
    "conversions.cancel": lambda backend, item, owner: backend.conversions.cancel(item, owner),
    "conversions.remove": lambda backend, item, owner: backend.conversions.remove(item, owner),
    "progress.get": lambda backend, item, owner: backend.progress.get(item, owner),
}
"""A call of every method that takes the id of an upload or of a conversion, and refuses it."""

IGNORED: dict[str, Callable[[Backend, str], object]] = {
    "conversions.queue": lambda backend, item: backend.conversions.queue(item),
    "leases.claim": lambda backend, item: backend.leases.claim(item, "worker", 15),
}
"""A call of every method that takes such an id, and ignores it if it names nothing."""


@pytest.mark.parametrize("item_id", IDS, ids=lambda text: ascii(text[:10]))
@pytest.mark.parametrize("name", CALLS)
def test_an_id_of_any_text_is_not_found(
    backend: Backend, owner: str, name: str, item_id: str
) -> None:
    with pytest.raises((UploadNotFound, ConversionNotFound, ItemNotFound)):
        CALLS[name](backend, item_id, owner)


@pytest.mark.parametrize("item_id", IDS, ids=lambda text: ascii(text[:10]))
@pytest.mark.parametrize("name", IGNORED)
def test_an_id_of_any_text_is_ignored(backend: Backend, name: str, item_id: str) -> None:
    assert IGNORED[name](backend, item_id) is None


@pytest.mark.parametrize("name", IGNORED)
def test_an_id_of_an_upload_is_ignored(backend: Backend, upload: Upload, name: str) -> None:
    assert IGNORED[name](backend, upload.id) is None

    assert backend.uploads.get(upload.id) == upload


@pytest.mark.parametrize("name", [name for name in CALLS if name != "progress.get"])
def test_an_id_of_the_other_kind_is_not_found_and_changes_nothing(
    backend: Backend, owner: str, upload: Upload, conversion: Conversion, name: str
) -> None:
    other = upload if name.startswith("conversions") else conversion
    before = backend.uploads.get(upload.id), backend.conversions.get(conversion.id)

    with pytest.raises((UploadNotFound, ConversionNotFound)):
        CALLS[name](backend, other.id, owner)

    assert (backend.uploads.get(upload.id), backend.conversions.get(conversion.id)) == before
