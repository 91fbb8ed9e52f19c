"""Test S3 events that come twice, late, too early, out of order, or never."""

from dataclasses import replace

import pytest

from libs.core.domain.conversions import Phase
from libs.core.domain.uploads import Failure, UploadStatus
from services.conversion.worker import scheduling
from services.conversion.worker.scheduling import SKIP_FOR
from tests.conversion.support import PATIENCE, ConversionEnvironment, FakeEngine, ignore_heartbeat
from tests.fakes import a_conversion
from tests.fault_injection import fail_calls, record_calls


def test_an_uploaded_file_queues_all_conversions_that_waited_for_it(
    env: ConversionEnvironment,
) -> None:
    upload, waiting = env.start_upload(waiting=3)
    env.store_object(upload)

    env.mark_uploaded(upload.id)

    assert env.uploads.get(upload.id).status is UploadStatus.UPLOADED
    assert {env.current(c).phase for c in waiting} == {Phase.QUEUED}


def test_an_event_that_comes_twice_changes_nothing(env: ConversionEnvironment) -> None:
    upload, (conversion,) = env.start_upload()
    env.store_object(upload)
    env.mark_uploaded(upload.id)
    before = (env.uploads.get(upload.id).version, env.current(conversion).version)

    env.mark_uploaded(upload.id)

    assert (env.uploads.get(upload.id).version, env.current(conversion).version) == before


@pytest.mark.parametrize("is_gone", [False, True])
def test_a_form_that_is_posted_again_and_again_costs_a_read_now_and_then(
    env: ConversionEnvironment, is_gone: bool
) -> None:
    """Each time, all of its conversions were written: 150 events held up others for minutes."""
    upload, waiting = env.start_upload(waiting=3)
    env.store_object(upload)
    if is_gone:
        env.uploads.remove(upload.id, upload.owner)
    assert env.mark_uploaded(upload.id) == (() if is_gone else tuple(c.id for c in waiting))
    uploads = record_calls(env.uploads, "get", "mark_uploaded")
    conversions = record_calls(env.conversions, "queue")

    for _ in range(100):
        assert env.mark_uploaded(upload.id) == ()
        env.clock.advance(SKIP_FOR / 10)

    assert (len(uploads), set(uploads), conversions) == (9, {"get"}, [])


def test_an_event_that_was_of_no_use_says_nothing_about_the_next_one(
    env: ConversionEnvironment,
) -> None:
    upload, (conversion,) = env.start_upload()
    env.mark_uploaded(upload.id)
    env.store_object(upload, b"too short")
    env.mark_uploaded(upload.id)
    env.store_object(upload)

    env.mark_uploaded(upload.id)

    assert env.current(conversion).phase is Phase.QUEUED


def test_so_many_uploads_are_remembered_and_no_more(
    env: ConversionEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduling, "MAX_HANDLED", 3)

    for _ in range(10):
        upload, _ = env.start_upload(waiting=0)
        env.store_object(upload)
        env.mark_uploaded(upload.id)

    assert 0 < len(env.mark_uploaded._handled) <= 3


def test_an_upload_made_again_under_its_id_arrives_again(env: ConversionEnvironment) -> None:
    upload, _ = env.start_upload(waiting=0)
    env.store_object(upload)
    env.mark_uploaded(upload.id)
    env.uploads.remove(upload.id, upload.owner)
    env.clock.advance(SKIP_FOR)
    again = replace(upload, created_at=env.clock())
    waiting = a_conversion(again)
    env.uploads.create(replace(again, conversions=(waiting.id,)), [waiting])

    env.mark_uploaded(upload.id)

    assert env.current(waiting).phase is Phase.QUEUED


def test_a_conversion_that_waits_after_its_event_was_handled_is_found(
    env: ConversionEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, (conversion,) = env.start_upload()
    env.store_object(upload)
    with monkeypatch.context() as patch:
        patch.setattr(env.conversions, "queue", lambda _: None)
        env.mark_uploaded(upload.id)

    env.clock.advance(PATIENCE + 1)
    env.check_awaited_uploads()

    assert env.current(conversion).phase is Phase.QUEUED


def test_a_late_event_does_not_start_again_what_has_ended(
    env: ConversionEnvironment,
) -> None:
    upload, (conversion,) = env.start_upload()
    env.store_object(upload)
    env.uploads.mark_uploaded(upload.id)
    env.conversions.cancel(conversion.id, conversion.owner)

    env.mark_uploaded(upload.id)

    assert env.current(conversion).status == "cancelled"


def test_an_event_before_the_object_exists_is_ignored(env: ConversionEnvironment) -> None:
    upload, (conversion,) = env.start_upload()

    env.mark_uploaded(upload.id)

    assert env.uploads.get(upload.id).status is UploadStatus.UPLOADING
    assert env.current(conversion).phase is Phase.WAITING


def test_what_waits_for_an_upload_that_failed_is_told_so_when_somebody_looks(
    env: ConversionEnvironment,
) -> None:
    upload, (conversion,) = env.start_upload()
    env.store_object(upload, b"of another size, and so of no use")
    env.uploads.mark_failed(upload.id, Failure("upload_expired", "The parts are gone."))
    env.clock.advance(PATIENCE + 1)
    engine = FakeEngine()

    env.check_awaited_uploads()
    following = env.choose_next()
    assert following
    assert env.runner(engine)(following.id, ignore_heartbeat) is True

    ended = env.current(conversion)
    assert ended.status == "failed"
    assert ended.error
    assert (ended.error.code, "upload it again" in ended.error.detail) == ("corrupt", True)
    assert not engine.jobs


def test_an_object_of_the_wrong_size_is_not_taken_for_the_file(env: ConversionEnvironment) -> None:
    upload, (conversion,) = env.start_upload()
    env.store_object(upload, b"too short")

    env.mark_uploaded(upload.id)

    assert env.uploads.get(upload.id).status is UploadStatus.UPLOADING
    assert env.current(conversion).phase is Phase.WAITING


def test_an_event_without_an_item_or_after_its_removal_is_ignored(
    env: ConversionEnvironment,
) -> None:
    upload, (conversion,) = env.start_upload()
    env.store_object(upload)
    env.uploads.remove(upload.id, upload.owner)

    env.mark_uploaded(upload.id)
    env.mark_uploaded("upl_" + "A" * 22)

    assert env.current(conversion).phase is Phase.WAITING


def test_an_event_for_an_upload_that_failed_does_not_bring_it_back(
    env: ConversionEnvironment,
) -> None:
    upload, (conversion,) = env.start_upload()
    env.store_object(upload)
    env.uploads.mark_failed(upload.id, Failure("upload_expired", "Gone."))

    env.mark_uploaded(upload.id)

    assert env.uploads.get(upload.id).status is UploadStatus.FAILED
    assert env.current(conversion).phase is Phase.QUEUED  # where it finds its end, see above


@pytest.mark.parametrize("step", ["mark_uploaded", "queue"])
def test_an_event_completes_what_an_interrupted_handling_left_undone(
    env: ConversionEnvironment, step: str
) -> None:
    upload, waiting = env.start_upload(waiting=2)
    env.store_object(upload)
    fail_calls(
        env.uploads if step == "mark_uploaded" else env.conversions,
        step,
        error=KeyboardInterrupt(),
    )
    with pytest.raises(KeyboardInterrupt):
        env.mark_uploaded(upload.id)

    env.mark_uploaded(upload.id)

    assert {env.current(c).phase for c in waiting} == {Phase.QUEUED}


def test_a_file_without_an_event_is_found_after_a_while(env: ConversionEnvironment) -> None:
    upload, (conversion,) = env.start_upload()
    env.store_object(upload)

    env.check_awaited_uploads()
    assert env.current(conversion).phase is Phase.WAITING, "the event may be on its way"
    env.clock.advance(PATIENCE + 1)
    env.check_awaited_uploads()

    assert env.current(conversion).phase is Phase.QUEUED


def test_an_upload_that_takes_long_is_looked_at_once_for_all_that_waits_for_it(
    env: ConversionEnvironment,
) -> None:
    env.start_upload(waiting=3)
    env.clock.advance(PATIENCE + 1)
    looks = record_calls(env.objects, "head")

    env.check_awaited_uploads()

    assert looks == ["head"]
