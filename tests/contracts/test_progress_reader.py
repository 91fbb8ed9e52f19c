"""Test the contract of ProgressReader."""

import pytest

from libs.core.domain.conversions import Conversion, Phase
from libs.core.domain.ids import new_id
from libs.core.domain.progress import progress_of
from libs.core.domain.uploads import Upload
from libs.core.errors import ConversionNotFound, ItemNotFound, UploadNotFound
from libs.core.ports.leases import ProgressReport
from tests.contracts.backend import Backend
from tests.fakes import DAY, a_conversion, an_upload


def test_progress_of_an_upload(backend: Backend, upload: Upload) -> None:
    now = backend.uploads.add_parts(upload.id, 1)

    assert backend.progress.get(upload.id, upload.owner) == progress_of(now)


def test_progress_of_a_running_conversion(backend: Backend, queued: Conversion) -> None:
    mine = backend.leases.claim(queued.id, "worker", 60)
    assert mine
    backend.leases.report(mine, ProgressReport(Phase.CONVERTING, 12.5, 3.0, 20.0), 60)

    assert backend.progress.get(queued.id, queued.owner) == progress_of(
        backend.conversions.get(queued.id)
    )


def test_a_queued_conversion_has_a_queue_position(backend: Backend, queued: Conversion) -> None:
    assert backend.progress.get(queued.id, queued.owner) == progress_of(
        queued, backend.queue.position(queued)
    )


def test_a_waiting_conversion_has_no_queue_position(backend: Backend, waiting: Conversion) -> None:
    assert backend.progress.get(waiting.id, waiting.owner).queue_position is None


def test_an_unknown_id_is_not_found(backend: Backend, owner: str) -> None:
    with pytest.raises(UploadNotFound):
        backend.progress.get(new_id("upload"), owner)
    with pytest.raises(ConversionNotFound):
        backend.progress.get(new_id("conversion"), owner)


@pytest.mark.parametrize(
    "item_id",
    ["", "upl_", "upl_short", "x" * 3000, "cnv_" + "A" * 21 + "\n", "../../x", "job_" + "A" * 22],
)
def test_an_id_of_neither_kind_is_not_found_by_the_reader(
    backend: Backend, owner: str, item_id: str
) -> None:
    with pytest.raises(ItemNotFound):
        backend.progress.get(item_id, owner)


def test_an_item_of_another_owner_is_not_found(
    backend: Backend, upload: Upload, waiting: Conversion
) -> None:
    with pytest.raises(UploadNotFound):
        backend.progress.get(upload.id, "somebody else")
    with pytest.raises(ConversionNotFound):
        backend.progress.get(waiting.id, "somebody else")


def test_an_expired_item_is_not_found(
    backend: Backend, upload: Upload, waiting: Conversion
) -> None:
    backend.clock.advance(DAY)

    with pytest.raises(UploadNotFound):
        backend.progress.get(upload.id, upload.owner)
    with pytest.raises(ConversionNotFound):
        backend.progress.get(waiting.id, waiting.owner)
    assert list(backend.progress.of_owner(upload.owner)) == []


def test_the_items_of_an_owner_are_listed_newest_first(backend: Backend, owner: str) -> None:
    first, second = (an_upload(owner, backend.clock() + 10 * n) for n in range(2))
    between = a_conversion(first, created_at=backend.clock() + 5)
    backend.uploads.create(first, [between])
    backend.uploads.create(second, [])
    stranger = an_upload("somebody else", backend.clock())
    backend.uploads.create(stranger, [])

    assert list(backend.progress.of_owner(owner)) == [
        progress_of(item) for item in (second, between, first)
    ]


def test_only_the_newest_200_items_of_each_kind_are_listed(backend: Backend, owner: str) -> None:
    conversions = []
    for number in range(26):
        upload = an_upload(owner, backend.clock())
        its = [
            a_conversion(upload, created_at=backend.clock() + 1 + 8 * number + n) for n in range(8)
        ]
        backend.uploads.create(upload, its)
        conversions += its

    seen = [progress.id for progress in backend.progress.of_owner(owner)]

    assert seen[:200] == [conversion.id for conversion in conversions[:-201:-1]]
    assert [item_id[:4] for item_id in seen[200:]] == ["upl_"] * 26
