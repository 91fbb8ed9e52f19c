"""Complete an upload: any number of calls make one object and return the same."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from libs.core.domain.uploads import Upload, UploadStatus
from libs.core.errors import (
    ConversionNotFound,
    PartsChanged,
    StorageUnavailable,
    UploadClosed,
    UploadIncomplete,
    UploadNotFound,
)
from tests.fakes import an_upload
from tests.fault_injection import fail_calls, record_calls
from tests.upload.support import BODY, OWNER, UploadHarness


def test_completing_joins_all_parts(harness: UploadHarness) -> None:
    upload = harness.send_parts(harness.create_upload())

    done = harness.complete(OWNER, upload.id)

    assert (done.status, done.percent, sorted(done.completed_parts)) == (
        UploadStatus.UPLOADED,
        100.0,
        [1, 2, 3],
    )
    assert harness.body(upload) == BODY


def test_missing_parts_are_listed_and_the_upload_continues(harness: UploadHarness) -> None:
    upload = harness.send_parts(harness.create_upload(), 2)

    with pytest.raises(UploadIncomplete) as refused:
        harness.complete(OWNER, upload.id)

    assert refused.value.context == {"missing_parts": [1, 3]}
    assert harness.now(upload).status is UploadStatus.UPLOADING
    assert harness.now(upload).completed_parts == {2}, "as S3 has it"
    harness.send_parts(upload, 1, 3)
    assert harness.complete(OWNER, upload.id).status is UploadStatus.UPLOADED


@pytest.mark.parametrize("missing", [[], [1], [1_000, 1_001], list(range(1, 1_003))])
def test_more_parts_than_a_listing_shows_are_all_counted(
    harness: UploadHarness, missing: list[int]
) -> None:
    upload = an_upload(OWNER, harness.clock(), size=1_002, part_size=1)
    upload = replace(upload, multipart_id=harness.multipart.create(upload.key, "audio/wav", {}))
    harness.uploads.create(upload, [])
    for number in sorted(set(range(1, 1_003)) - set(missing)):
        harness.multipart.put_part(upload.key, upload.multipart_id, number, b"a")

    if missing:
        with pytest.raises(UploadIncomplete) as refused:
            harness.complete(OWNER, upload.id)
        assert refused.value.context == {"missing_parts": missing}
    else:
        assert harness.complete(OWNER, upload.id).status is UploadStatus.UPLOADED
        assert harness.body(upload) == b"a" * 1_002


def test_a_part_of_the_wrong_size_counts_as_missing(harness: UploadHarness) -> None:
    upload = harness.send_parts(harness.create_upload())
    harness.multipart.put_part(upload.key, upload.multipart_id, 2, b"too long for it")

    with pytest.raises(UploadIncomplete) as refused:
        harness.complete(OWNER, upload.id)

    assert refused.value.context == {"missing_parts": [2]}


def test_parts_beyond_the_end_are_ignored(harness: UploadHarness) -> None:
    upload = harness.send_parts(harness.create_upload())
    harness.multipart.put_part(upload.key, upload.multipart_id, 4, b"more!")

    harness.complete(OWNER, upload.id)

    assert harness.body(upload) == BODY


def test_a_repeated_completion_returns_the_same_without_calls(harness: UploadHarness) -> None:
    done = harness.create_uploaded()
    asked = [
        record_calls(harness.multipart, "list_parts", "complete"),
        record_calls(harness.objects, "head"),
    ]

    assert harness.complete(OWNER, done.id) == done
    assert asked == [[], []]


def test_fifty_completions_at_once_make_one_object(harness: UploadHarness) -> None:
    """All of them have listed the parts before the first completes: the worst that can happen."""
    upload = harness.send_parts(harness.create_upload())
    together = threading.Barrier(50, timeout=30)
    really: Any = harness.multipart.complete
    made: list[str] = []

    def complete(*args: Any) -> str:
        together.wait()
        made.append(really(*args))
        return made[-1]

    vars(harness.multipart)["complete"] = complete
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: harness.complete(OWNER, upload.id), range(50)))

    assert len(made) == 1
    assert {(answer.status, answer.version) for answer in answers} == {(UploadStatus.UPLOADED, 2)}
    assert harness.body(upload) == BODY


@pytest.mark.parametrize(
    ("port", "method", "after"),
    [
        ("multipart", "complete", True),
        ("multipart", "complete", False),
        ("objects", "head", False),
        ("uploads", "mark_uploaded", True),
    ],
)
def test_an_interrupted_completion_can_be_repeated(
    harness: UploadHarness, port: str, method: str, after: bool
) -> None:
    upload = harness.send_parts(harness.create_upload())
    fail_calls(getattr(harness, port), method, after=after)
    with pytest.raises(StorageUnavailable):
        harness.complete(OWNER, upload.id)

    assert harness.complete(OWNER, upload.id).status is UploadStatus.UPLOADED
    assert harness.body(upload) == BODY


def test_an_upload_whose_parts_expired_fails(harness: UploadHarness) -> None:
    upload = harness.send_parts(harness.create_upload())
    harness.multipart.abort(upload.key, upload.multipart_id)

    with pytest.raises(UploadClosed) as refused:
        harness.complete(OWNER, upload.id)

    assert "upload the file again" in refused.value.detail
    failed = harness.now(upload)
    assert (failed.status, failed.error and failed.error.code) == (
        UploadStatus.FAILED,
        "upload_expired",
    )


def test_an_object_of_another_size_fails_the_upload(harness: UploadHarness) -> None:
    upload = harness.create_upload()
    harness.multipart.abort(upload.key, upload.multipart_id)
    harness.objects.put(upload.key, b"something else", "audio/wav", {})

    with pytest.raises(UploadClosed):
        harness.complete(OWNER, upload.id)

    failed = harness.now(upload)
    assert failed.status is UploadStatus.FAILED
    assert failed.error is not None
    assert (failed.error.code, failed.error.reason) == ("upload_expired", "size_mismatch")


def test_an_unrecorded_completion_is_found_by_reading_the_upload(harness: UploadHarness) -> None:
    """The process died between S3 and the table."""
    upload = harness.send_parts(harness.create_upload())
    harness.multipart.complete(
        upload.key,
        upload.multipart_id,
        harness.multipart.list_parts(upload.key, upload.multipart_id),
    )

    assert harness.show(OWNER, upload.id).status is UploadStatus.UPLOADED


def test_a_deletion_during_the_completion_wins(harness: UploadHarness) -> None:
    upload = harness.send_parts(harness.create_upload())
    really: Any = harness.multipart.complete

    def complete(*args: Any) -> str:
        harness.delete(OWNER, upload.id)
        etag: str = really(*args)
        return etag

    vars(harness.multipart)["complete"] = complete

    with pytest.raises(UploadNotFound):
        harness.complete(OWNER, upload.id)


def test_deleting_an_upload_deletes_its_conversions(harness: UploadHarness) -> None:
    upload = harness.create_upload(conversions=2)

    harness.delete(OWNER, upload.id)

    gone(harness, upload)
    with pytest.raises(UploadNotFound):
        harness.delete(OWNER, upload.id)


def test_deleting_ignores_a_conversion_that_is_already_deleted(harness: UploadHarness) -> None:
    upload = harness.create_upload(conversions=2)
    harness.conversions.remove(upload.conversions[0], OWNER)

    harness.delete(OWNER, upload.id)

    gone(harness, upload)


def gone(harness: UploadHarness, upload: Upload) -> None:
    assert not harness.table.all()
    for conversion_id in upload.conversions:
        with pytest.raises(ConversionNotFound):
            harness.conversions.get(conversion_id)


def test_a_part_sent_again_during_the_completion_is_included(harness: UploadHarness) -> None:
    upload = harness.send_parts(harness.create_upload())
    really: Any = harness.multipart.complete
    calls: list[str] = []

    def complete(*args: Any) -> str:
        calls.append("complete")
        if len(calls) == 1:
            harness.multipart.put_part(upload.key, upload.multipart_id, 1, b"HELLO")
        return str(really(*args))

    vars(harness.multipart)["complete"] = complete

    assert harness.complete(OWNER, upload.id).status is UploadStatus.UPLOADED
    assert harness.body(upload) == b"HELLO" + BODY[5:]
    assert len(calls) == 2


def test_a_part_that_is_sent_again_and_again_is_answered_with_when_to_retry(
    harness: UploadHarness,
) -> None:
    upload = harness.send_parts(harness.create_upload())
    really: Any = harness.multipart.complete
    bodies = (f"{number:05}".encode() for number in range(100))

    def complete(*args: Any) -> str:
        harness.multipart.put_part(upload.key, upload.multipart_id, 1, next(bodies))
        return str(really(*args))

    vars(harness.multipart)["complete"] = complete

    with pytest.raises(PartsChanged) as refused:
        harness.complete(OWNER, upload.id)

    assert refused.value.context["retry_after"] == 1
    assert harness.now(upload).status is UploadStatus.UPLOADING
    vars(harness.multipart)["complete"] = really
    assert harness.complete(OWNER, upload.id).status is UploadStatus.UPLOADED
