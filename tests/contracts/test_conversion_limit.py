"""Test how many conversions an upload may have, which is part of ConversionStore's contract."""

import pytest

from libs.core.domain.ids import new_id
from libs.core.domain.uploads import MAX_CONVERSIONS
from libs.core.errors import ConversionNotFound, TooManyConversions
from tests.contracts.backend import Backend
from tests.fakes import a_conversion, an_upload


def test_create_refuses_more_conversions_than_an_upload_may_have(
    backend: Backend, owner: str
) -> None:
    """Removed ones count, too, because their ids stay. A repeated request is answered as before."""
    removed = tuple(new_id("conversion") for _ in range(MAX_CONVERSIONS - 1))
    upload = an_upload(owner, backend.clock(), conversions=removed)
    backend.uploads.create(upload, [])
    last = backend.conversions.create(a_conversion(upload), upload)
    refused = a_conversion(upload)

    with pytest.raises(TooManyConversions) as error:
        backend.conversions.create(refused, upload)

    assert error.value.context == {"limit": MAX_CONVERSIONS}
    with pytest.raises(ConversionNotFound):
        backend.conversions.get(refused.id)
    assert backend.uploads.get(upload.id).conversions == (*removed, last.id)
    full = backend.uploads.get(upload.id)
    assert backend.conversions.create(a_conversion(full, id=last.id), full) == last
