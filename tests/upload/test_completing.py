"""Completing an upload: any number of calls, in any mishap, make one object and say the same."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from libs.core.domain.uploads import Upload, UploadStatus
from libs.core.errors import (
    ConversionNotFound,
    StorageUnavailable,
    UploadClosed,
    UploadIncomplete,
    UploadNotFound,
)
from tests.fault_injection import fail_calls, record_calls
from tests.upload.support import BODY, OWNER, Desk


def test_all_parts_make_the_file(desk: Desk) -> None:
    upload = desk.sent(desk.begun())

    done = desk.complete(OWNER, upload.id)

    assert (done.status, done.percent, sorted(done.completed_parts)) == (
        UploadStatus.UPLOADED,
        100.0,
        [1, 2, 3],
    )
    assert desk.body(upload) == BODY


def test_parts_are_named_that_are_missing_and_the_upload_goes_on(desk: Desk) -> None:
    upload = desk.sent(desk.begun(), 2)

    with pytest.raises(UploadIncomplete) as refused:
        desk.complete(OWNER, upload.id)

    assert refused.value.context == {"missing_parts": [1, 3]}
    assert desk.now(upload).status is UploadStatus.UPLOADING
    assert desk.now(upload).completed_parts == {2}, "as S3 has it"
    desk.sent(upload, 1, 3)
    assert desk.complete(OWNER, upload.id).status is UploadStatus.UPLOADED


def test_a_part_of_the_wrong_size_counts_as_missing(desk: Desk) -> None:
    upload = desk.sent(desk.begun())
    desk.multipart.put_part(upload.key, upload.multipart_id, 2, b"too long for it")

    with pytest.raises(UploadIncomplete) as refused:
        desk.complete(OWNER, upload.id)

    assert refused.value.context == {"missing_parts": [2]}


def test_parts_beyond_the_end_do_not_become_part_of_the_file(desk: Desk) -> None:
    upload = desk.sent(desk.begun())
    desk.multipart.put_part(upload.key, upload.multipart_id, 4, b"more!")

    desk.complete(OWNER, upload.id)

    assert desk.body(upload) == BODY


def test_completing_again_answers_the_same_and_asks_nobody(desk: Desk) -> None:
    done = desk.uploaded()
    asked = [
        record_calls(desk.multipart, "list_parts", "complete"),
        record_calls(desk.objects, "head"),
    ]

    assert desk.complete(OWNER, done.id) == done
    assert asked == [[], []]


def test_fifty_at_once_make_one_object_and_all_hear_that_it_is_there(desk: Desk) -> None:
    """All of them have listed the parts before the first completes: the worst that can happen."""
    upload = desk.sent(desk.begun())
    together = threading.Barrier(50, timeout=30)
    really: Any = desk.multipart.complete
    made: list[str] = []

    def complete(*args: Any) -> str:
        together.wait()
        made.append(really(*args))
        return made[-1]

    vars(desk.multipart)["complete"] = complete
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: desk.complete(OWNER, upload.id), range(50)))

    assert len(made) == 1
    assert {(answer.status, answer.version) for answer in answers} == {(UploadStatus.UPLOADED, 2)}
    assert desk.body(upload) == BODY


@pytest.mark.parametrize(
    ("port", "method", "after"),
    [
        ("multipart", "complete", True),
        ("multipart", "complete", False),
        ("objects", "head", False),
        ("uploads", "mark_uploaded", True),
    ],
)
def test_a_completion_that_was_cut_off_can_be_repeated(
    desk: Desk, port: str, method: str, after: bool
) -> None:
    upload = desk.sent(desk.begun())
    fail_calls(getattr(desk, port), method, after=after)
    with pytest.raises(StorageUnavailable):
        desk.complete(OWNER, upload.id)

    assert desk.complete(OWNER, upload.id).status is UploadStatus.UPLOADED
    assert desk.body(upload) == BODY


def test_an_upload_whose_parts_expired_says_so_and_has_failed(desk: Desk) -> None:
    upload = desk.sent(desk.begun())
    desk.multipart.abort(upload.key, upload.multipart_id)

    with pytest.raises(UploadClosed) as refused:
        desk.complete(OWNER, upload.id)

    assert "upload the file again" in refused.value.detail
    failed = desk.now(upload)
    assert (failed.status, failed.error and failed.error.code) == (
        UploadStatus.FAILED,
        "upload_expired",
    )


def test_an_object_of_another_size_is_not_the_file(desk: Desk) -> None:
    upload = desk.begun()
    desk.multipart.abort(upload.key, upload.multipart_id)
    desk.objects.put(upload.key, b"something else", "audio/wav", {})

    with pytest.raises(UploadClosed):
        desk.complete(OWNER, upload.id)

    assert desk.now(upload).status is UploadStatus.FAILED


def test_what_became_a_file_unseen_is_found_by_asking(desk: Desk) -> None:
    """The process died between S3 and the table."""
    upload = desk.sent(desk.begun())
    desk.multipart.complete(
        upload.key, upload.multipart_id, desk.multipart.list_parts(upload.key, upload.multipart_id)
    )

    assert desk.show(OWNER, upload.id).status is UploadStatus.UPLOADED


def test_a_deletion_in_mid_completion_wins(desk: Desk) -> None:
    upload = desk.sent(desk.begun())
    really: Any = desk.multipart.complete

    def complete(*args: Any) -> str:
        desk.delete(OWNER, upload.id)
        etag: str = really(*args)
        return etag

    vars(desk.multipart)["complete"] = complete

    with pytest.raises(UploadNotFound):
        desk.complete(OWNER, upload.id)


def test_deleting_takes_the_conversions_along_and_twice_is_not_found(desk: Desk) -> None:
    upload = desk.begun(conversions=2)

    desk.delete(OWNER, upload.id)

    gone(desk, upload)
    with pytest.raises(UploadNotFound):
        desk.delete(OWNER, upload.id)


def test_deleting_goes_on_past_a_conversion_that_is_gone_already(desk: Desk) -> None:
    upload = desk.begun(conversions=2)
    desk.conversions.remove(upload.conversions[0], OWNER)

    desk.delete(OWNER, upload.id)

    gone(desk, upload)


def gone(desk: Desk, upload: Upload) -> None:
    assert not desk.table.all()
    for conversion_id in upload.conversions:
        with pytest.raises(ConversionNotFound):
            desk.conversions.get(conversion_id)
