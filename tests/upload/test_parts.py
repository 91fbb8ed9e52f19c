"""Parts: signed, sent straight to S3 and reported, or sent through the service."""

from urllib.parse import parse_qs, urlsplit

import pytest

from libs.core.domain.uploads import Failure, UploadStatus
from libs.core.errors import PartNumberInvalid, PartSizeMismatch, UploadClosed, UploadNotFound
from tests.fault_injection import record_calls
from tests.upload.support import HOUR, OWNER, Desk, part

WRONG_NUMBERS = [0, -1, 4, 10_001]
ENDINGS = ["uploaded", "failed"]


def ended(desk: Desk, ending: str) -> str:
    if ending == "uploaded":
        return desk.uploaded().id
    return desk.uploads.mark_failed(desk.begun().id, Failure("upload_expired", "Gone.")).id


def test_urls_are_for_the_bytes_of_their_part_only(desk: Desk) -> None:
    upload = desk.begun()

    signed = desk.sign(OWNER, upload.id, [3, 1])

    assert [each.number for each in signed] == [3, 1]
    for each, size in zip(signed, ("2", "5"), strict=True):
        query = {name: values[0] for name, values in parse_qs(urlsplit(each.url).query).items()}
        assert (query["partNumber"], query["size"], query["uploadId"]) == (
            str(each.number),
            size,
            upload.multipart_id,
        )
        assert each.expires_at == desk.clock() + HOUR


def test_no_url_outlives_its_upload(desk: Desk) -> None:
    upload = desk.begun()
    desk.clock.advance(24 * HOUR - 10)

    (signed,) = desk.sign(OWNER, upload.id, [1])

    assert signed.expires_at == upload.expires_at
    assert "lifetime=10" in signed.url


@pytest.mark.parametrize("number", WRONG_NUMBERS)
def test_a_part_that_does_not_exist_is_neither_signed_nor_taken_nor_believed(
    desk: Desk, number: int
) -> None:
    upload = desk.begun()

    with pytest.raises(PartNumberInvalid):
        desk.sign(OWNER, upload.id, [1, number])
    with pytest.raises(PartNumberInvalid):
        desk.expect(OWNER, upload.id, number, 5)
    with pytest.raises(PartNumberInvalid):
        desk.report(OWNER, upload.id, number)


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_upload_that_has_ended_takes_no_more_parts(desk: Desk, ending: str) -> None:
    upload_id = ended(desk, ending)

    with pytest.raises(UploadClosed):
        desk.sign(OWNER, upload_id, [1])
    with pytest.raises(UploadClosed):
        desk.expect(OWNER, upload_id, 1, 5)
    assert desk.uploads.get(upload_id).status == ending


def test_somebody_elses_upload_is_an_unknown_one(desk: Desk) -> None:
    upload = desk.begun()

    for call in (
        lambda: desk.sign("ben", upload.id, [1]),
        lambda: desk.expect("ben", upload.id, 1, 5),
        lambda: desk.report("ben", upload.id, 1),
        lambda: desk.complete("ben", upload.id),
        lambda: desk.show("ben", upload.id),
        lambda: desk.delete("ben", upload.id),
    ):
        with pytest.raises(UploadNotFound):
            call()
    assert desk.now(upload) == upload


@pytest.mark.parametrize("length", [None, 0, 4, 6])
def test_a_part_of_another_length_is_refused_before_its_bytes_are_read(
    desk: Desk, length: int | None
) -> None:
    with pytest.raises(PartSizeMismatch) as refused:
        desk.expect(OWNER, desk.begun().id, 1, length)

    assert refused.value.context == {"expected": 5}


def test_a_part_through_the_service_is_in_s3_and_recorded(desk: Desk) -> None:
    upload = desk.begun()

    after = desk.store_part(desk.expect(OWNER, upload.id, 3, 2), 3, part(3))

    assert after.completed_parts == {3}
    assert [
        (p.number, p.size) for p in desk.multipart.list_parts(upload.key, upload.multipart_id)
    ] == [(3, 2)]


def test_a_part_that_turned_out_shorter_is_not_stored(desk: Desk) -> None:
    upload = desk.begun()

    with pytest.raises(PartSizeMismatch):
        desk.store_part(upload, 1, b"hell")

    assert not desk.multipart.list_parts(upload.key, upload.multipart_id)


def test_a_part_sent_twice_is_the_one_sent_last(desk: Desk) -> None:
    upload = desk.begun()
    desk.store_part(upload, 1, b"wrong")

    desk.store_part(upload, 1, part(1))
    desk.sent(upload, 2, 3)
    desk.complete(OWNER, upload.id)

    assert desk.body(upload) == b"hello, world"


@pytest.mark.parametrize("there", [True, False], ids=["uploaded", "upload_expired"])
def test_a_part_for_a_multipart_upload_that_is_gone_says_what_became_of_it(
    desk: Desk, there: bool
) -> None:
    upload = desk.sent(desk.begun())
    if there:
        desk.multipart.complete(
            upload.key,
            upload.multipart_id,
            desk.multipart.list_parts(upload.key, upload.multipart_id),
        )
    else:
        desk.multipart.abort(upload.key, upload.multipart_id)

    with pytest.raises(UploadClosed):
        desk.store_part(upload, 1, part(1))

    now = desk.now(upload)
    assert now.status is (UploadStatus.UPLOADED if there else UploadStatus.FAILED)
    assert (now.error and now.error.code) == (None if there else "upload_expired")


def test_a_report_is_believed_when_s3_has_the_part(desk: Desk) -> None:
    upload = desk.sent(desk.begun(), 2)

    assert desk.report(OWNER, upload.id, 2).completed_parts == {2}
    with pytest.raises(PartSizeMismatch):
        desk.report(OWNER, upload.id, 1)
    assert desk.now(upload).completed_parts == {2}


def test_a_report_of_a_part_of_the_wrong_size_is_not_believed(desk: Desk) -> None:
    upload = desk.begun()
    desk.multipart.put_part(upload.key, upload.multipart_id, 1, b"too long")

    with pytest.raises(PartSizeMismatch):
        desk.report(OWNER, upload.id, 1)


def test_a_report_repeated_asks_and_changes_nothing(desk: Desk) -> None:
    upload = desk.sent(desk.begun(), 1)
    first = desk.report(OWNER, upload.id, 1)
    asked = record_calls(desk.multipart, "list_parts")

    assert desk.report(OWNER, upload.id, 1) == first
    assert not asked


def test_a_late_report_for_a_finished_upload_is_answered_with_it(desk: Desk) -> None:
    done = desk.uploaded()

    assert desk.report(OWNER, done.id, 2) == done


def test_a_report_after_the_multipart_upload_went_says_that_it_expired(desk: Desk) -> None:
    upload = desk.begun()
    desk.multipart.abort(upload.key, upload.multipart_id)

    with pytest.raises(UploadClosed):
        desk.report(OWNER, upload.id, 1)

    assert desk.now(upload).status is UploadStatus.FAILED


def test_who_asks_before_resuming_learns_what_s3_has(desk: Desk) -> None:
    upload = desk.sent(desk.begun(), 1, 3)
    desk.uploads.add_part(upload.id, 2)  # recorded, but S3 has lost it

    assert desk.show(OWNER, upload.id).completed_parts == {1, 3}
    assert desk.now(upload).completed_parts == {1, 3}


def test_who_asks_and_nothing_has_changed_writes_nothing(desk: Desk) -> None:
    upload = desk.begun()

    assert desk.show(OWNER, upload.id).version == upload.version
