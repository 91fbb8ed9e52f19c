"""Test the contract of ProgressReader."""

from dataclasses import replace
from typing import Any

import pytest

from libs.core.adapters.aws import progress_reader
from libs.core.adapters.aws.dynamodb.decoding import decode_item
from libs.core.domain.conversions import Conversion, Phase
from libs.core.domain.ids import new_id
from libs.core.domain.progress import progress_of
from libs.core.domain.uploads import Failure, TusState, Upload
from libs.core.errors import ConversionNotFound, ItemNotFound, UploadNotFound
from libs.core.ports.leases import ProgressReport
from tests.contracts.aws import AwsBackend
from tests.contracts.backend import Backend
from tests.fakes import A_SOURCE, DAY, a_conversion, an_upload


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


def test_a_listing_shows_of_each_item_what_its_own_reading_shows(
    backend: Backend, owner: str
) -> None:
    sent = an_upload(owner, backend.clock())
    by_tus = an_upload(
        owner, backend.clock() + 1, tus=TusState(offset=7, metadata="a YQ==", writer="w")
    )
    for upload in (sent, by_tus):
        backend.uploads.create(upload, [])
    backend.uploads.add_parts(sent.id, 1)
    broken = an_upload(owner, backend.clock() + 2)
    backend.uploads.create(broken, [])
    backend.uploads.mark_failed(broken.id, Failure("internal", "It broke.", "somehow"))
    source = an_upload(owner, backend.clock() + 3)
    backend.uploads.create(source, [])
    arrived = backend.uploads.mark_uploaded(source.id)
    running, failed, waiting = (
        backend.conversions.create(a_conversion(arrived, created_at=backend.clock() + n), arrived)
        for n in (4, 5, 6)
    )
    mine = backend.leases.claim(running.id, "worker", 60)
    other = backend.leases.claim(failed.id, "worker", 60)
    assert mine
    assert other
    report = ProgressReport(Phase.CONVERTING, 12.5, 3.0, 20.0, A_SOURCE)
    backend.leases.report(mine, report, 60)
    backend.leases.fail(other, Failure("corrupt", "Damaged."))

    listed = list(backend.progress.of_owner(owner))

    ids = [item.id for item in (waiting, failed, running, source, broken, by_tus, sent)]
    assert [progress.id for progress in listed] == ids
    assert listed == [backend.progress.get(item_id, owner) for item_id in ids]


def test_a_listing_does_not_read_the_tags_of_sources(
    aws_backend: AwsBackend, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = an_upload(owner, aws_backend.clock())
    aws_backend.uploads.create(upload, [])
    arrived = aws_backend.uploads.mark_uploaded(upload.id)
    running = aws_backend.conversions.create(a_conversion(arrived), arrived)
    mine = aws_backend.leases.claim(running.id, "worker", 60)
    assert mine
    report = ProgressReport(Phase.CONVERTING, 12.5, source=A_SOURCE)
    aws_backend.leases.report(mine, report, 60)
    read: list[Any] = []

    def decode(item: Any) -> Any:
        read.append(item)
        return decode_item(item)

    monkeypatch.setattr(progress_reader, "decode_item", decode)
    aws_backend.progress.of_owner(owner)

    assert {item["pk"] for item in read} == {upload.id, running.id}
    assert not any({"source", "conversions", "owner_kind"} & item.keys() for item in read)


def test_a_single_reading_does_not_read_the_ids_of_conversions_or_tags(
    aws_backend: AwsBackend, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = an_upload(owner, aws_backend.clock())
    waiting = a_conversion(upload)
    aws_backend.uploads.create(replace(upload, conversions=(waiting.id,)), [waiting])
    client = aws_backend.table.client
    read: list[Any] = []

    def get_item(**request: Any) -> Any:
        answer = get(**request)
        read.append(answer["Item"])
        return answer

    get = client.get_item
    monkeypatch.setattr(client, "get_item", get_item)
    for item_id in (upload.id, waiting.id):
        aws_backend.progress.get(item_id, owner)

    assert [item["pk"] for item in read] == [upload.id, waiting.id]
    assert not any({"source", "conversions", "owner_kind"} & item.keys() for item in read)


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
