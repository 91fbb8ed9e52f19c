"""Sign parts, report parts that went to S3, and send parts through the service."""

from urllib.parse import parse_qs, urlsplit

import pytest

from libs.core.adapters.memory import MemoryUrlSigner
from libs.core.domain.uploads import Failure, UploadStatus
from libs.core.errors import PartNumberInvalid, PartSizeMismatch, UploadClosed, UploadNotFound
from services.upload.parts import SignParts
from tests.fault_injection import record_calls
from tests.upload.support import HOUR, OWNER, UploadHarness, part

WRONG_NUMBERS = [0, -1, 4, 10_001]
ENDINGS = ["uploaded", "failed"]


def ended(harness: UploadHarness, ending: str) -> str:
    if ending == "uploaded":
        return harness.create_uploaded().id
    return harness.uploads.mark_failed(
        harness.create_upload().id, Failure("upload_expired", "Gone.")
    ).id


def test_a_part_url_is_promised_no_longer_than_its_credentials_live(
    harness: UploadHarness,
) -> None:
    upload = harness.create_upload()
    sign = SignParts(harness.uploads, MemoryUrlSigner(max_lifetime=960), HOUR, harness.clock)

    [signed] = sign(OWNER, upload.id, [1])

    assert signed.expires_at == harness.clock() + 960
    assert "lifetime=960" in signed.url


def test_a_part_url_is_for_the_size_of_its_part(harness: UploadHarness) -> None:
    upload = harness.create_upload()

    signed = harness.sign(OWNER, upload.id, [3, 1])

    assert [each.number for each in signed] == [3, 1]
    for each, size in zip(signed, ("2", "5"), strict=True):
        query = {name: values[0] for name, values in parse_qs(urlsplit(each.url).query).items()}
        assert (query["partNumber"], query["size"], query["uploadId"]) == (
            str(each.number),
            size,
            upload.multipart_id,
        )
        assert each.expires_at == harness.clock() + HOUR


def test_a_part_url_expires_no_later_than_its_upload(harness: UploadHarness) -> None:
    upload = harness.create_upload()
    harness.clock.advance(24 * HOUR - 10)

    (signed,) = harness.sign(OWNER, upload.id, [1])

    assert signed.expires_at == upload.expires_at
    assert "lifetime=10" in signed.url


@pytest.mark.parametrize("number", WRONG_NUMBERS)
def test_a_part_number_outside_the_upload_is_invalid(harness: UploadHarness, number: int) -> None:
    upload = harness.create_upload()

    with pytest.raises(PartNumberInvalid):
        harness.sign(OWNER, upload.id, [1, number])
    with pytest.raises(PartNumberInvalid):
        harness.expect(OWNER, upload.id, number, 5)
    with pytest.raises(PartNumberInvalid):
        harness.report(OWNER, upload.id, number)


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_ended_upload_takes_no_more_parts(harness: UploadHarness, ending: str) -> None:
    upload_id = ended(harness, ending)

    with pytest.raises(UploadClosed):
        harness.sign(OWNER, upload_id, [1])
    with pytest.raises(UploadClosed):
        harness.expect(OWNER, upload_id, 1, 5)
    assert harness.uploads.get(upload_id).status == ending


def test_an_upload_of_another_owner_is_unknown(harness: UploadHarness) -> None:
    upload = harness.create_upload()

    for call in (
        lambda: harness.sign("ben", upload.id, [1]),
        lambda: harness.expect("ben", upload.id, 1, 5),
        lambda: harness.report("ben", upload.id, 1),
        lambda: harness.complete("ben", upload.id),
        lambda: harness.show("ben", upload.id),
        lambda: harness.delete("ben", upload.id),
    ):
        with pytest.raises(UploadNotFound):
            call()
    assert harness.now(upload) == upload


@pytest.mark.parametrize("length", [None, 0, 4, 6])
def test_a_part_of_another_length_is_refused_before_it_is_read(
    harness: UploadHarness, length: int | None
) -> None:
    with pytest.raises(PartSizeMismatch) as refused:
        harness.expect(OWNER, harness.create_upload().id, 1, length)

    assert refused.value.context == {"expected": 5}


def test_a_part_through_the_service_is_stored_and_recorded(harness: UploadHarness) -> None:
    upload = harness.create_upload()

    after = harness.store_part(harness.expect(OWNER, upload.id, 3, 2), 3, part(3))

    assert after.completed_parts == {3}
    assert [
        (p.number, p.size) for p in harness.multipart.list_parts(upload.key, upload.multipart_id)
    ] == [(3, 2)]


def test_a_part_shorter_than_announced_is_not_stored(harness: UploadHarness) -> None:
    upload = harness.create_upload()

    with pytest.raises(PartSizeMismatch):
        harness.store_part(upload, 1, b"hell")

    assert not harness.multipart.list_parts(upload.key, upload.multipart_id)


def test_a_part_sent_twice_is_replaced(harness: UploadHarness) -> None:
    upload = harness.create_upload()
    harness.store_part(upload, 1, b"wrong")

    harness.store_part(upload, 1, part(1))
    harness.send_parts(upload, 2, 3)
    harness.complete(OWNER, upload.id)

    assert harness.body(upload) == b"hello, world"


@pytest.mark.parametrize("there", [True, False], ids=["uploaded", "upload_expired"])
def test_a_part_for_a_multipart_upload_that_is_gone_is_refused(
    harness: UploadHarness, there: bool
) -> None:
    upload = harness.send_parts(harness.create_upload())
    if there:
        harness.multipart.complete(
            upload.key,
            upload.multipart_id,
            harness.multipart.list_parts(upload.key, upload.multipart_id),
        )
    else:
        harness.multipart.abort(upload.key, upload.multipart_id)

    with pytest.raises(UploadClosed):
        harness.store_part(upload, 1, part(1))

    now = harness.now(upload)
    assert now.status is (UploadStatus.UPLOADED if there else UploadStatus.FAILED)
    assert (now.error and now.error.code) == (None if there else "upload_expired")


def test_a_report_is_accepted_if_s3_has_the_part(harness: UploadHarness) -> None:
    upload = harness.send_parts(harness.create_upload(), 2)

    assert harness.report(OWNER, upload.id, 2).completed_parts == {2}
    with pytest.raises(PartSizeMismatch):
        harness.report(OWNER, upload.id, 1)
    assert harness.now(upload).completed_parts == {2}


def test_a_report_of_a_part_of_the_wrong_size_is_refused(harness: UploadHarness) -> None:
    upload = harness.create_upload()
    harness.multipart.put_part(upload.key, upload.multipart_id, 1, b"too long")

    with pytest.raises(PartSizeMismatch):
        harness.report(OWNER, upload.id, 1)


def test_a_repeated_report_makes_no_call_and_no_change(harness: UploadHarness) -> None:
    upload = harness.send_parts(harness.create_upload(), 1)
    first = harness.report(OWNER, upload.id, 1)
    asked = record_calls(harness.multipart, "list_parts")

    assert harness.report(OWNER, upload.id, 1) == first
    assert not asked


def test_a_late_report_returns_the_uploaded_upload(harness: UploadHarness) -> None:
    done = harness.create_uploaded()

    assert harness.report(OWNER, done.id, 2) == done


def test_a_report_after_the_abort_fails_the_upload_as_expired(harness: UploadHarness) -> None:
    upload = harness.create_upload()
    harness.multipart.abort(upload.key, upload.multipart_id)

    with pytest.raises(UploadClosed):
        harness.report(OWNER, upload.id, 1)

    assert harness.now(upload).status is UploadStatus.FAILED


def test_reading_an_upload_reconciles_its_parts_with_s3(harness: UploadHarness) -> None:
    upload = harness.send_parts(harness.create_upload(), 1, 3)
    harness.uploads.add_parts(upload.id, 2)  # recorded, but S3 has lost it

    assert harness.show(OWNER, upload.id).completed_parts == {1, 3}
    assert harness.now(upload).completed_parts == {1, 3}


def test_reading_an_unchanged_upload_writes_nothing(harness: UploadHarness) -> None:
    upload = harness.create_upload()

    assert harness.show(OWNER, upload.id).version == upload.version
