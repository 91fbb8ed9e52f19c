"""Test that a sweep deletes objects and multipart uploads that no item points at."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from libs.core.domain.conversions import output_key
from libs.core.domain.ids import new_id
from libs.core.domain.uploads import Failure, source_key
from libs.core.ports.multipart_uploads import OpenMultipartUpload
from libs.core.ports.objects import ObjectInfo
from services.janitor.deletion import DeletionResult, SweepFailure
from tests.fakes import FakeClock, a_conversion
from tests.fault_injection import record_calls
from tests.janitor.support import DAY, HOUR, JanitorEnvironment


def test_objects_without_an_item_go_when_they_are_old_enough(
    env: JanitorEnvironment, clock: FakeClock
) -> None:
    env.store_object(source_key(new_id("upload")))
    env.store_object(output_key(new_id("conversion"), 1, "mp3"))
    clock.advance(HOUR)
    young = env.store_object(source_key(new_id("upload")))

    result = env.sweeper(sweep_grace=HOUR)()

    assert env.keys == {young}
    assert result.deleted == DeletionResult(objects=2, bytes=6)


def test_multipart_uploads_without_an_item_go_when_they_are_old_enough(
    env: JanitorEnvironment, clock: FakeClock
) -> None:
    env.open_multipart(source_key(new_id("upload")))
    env.open_multipart(output_key(new_id("conversion"), 1, "mp3"))
    clock.advance(HOUR)
    young = env.open_multipart(source_key(new_id("upload")))

    result = env.sweeper(sweep_grace=HOUR)()

    assert set(env.bucket.multiparts) == {young}
    assert result.deleted == DeletionResult(multipart_uploads=2)


def test_what_a_lost_attempt_left_goes_and_the_output_stays(
    env: JanitorEnvironment, clock: FakeClock
) -> None:
    upload = env.add_upload()
    done = env.add_completed(upload)
    env.store_object(output_key(done.id, 7, "mp3"))
    env.open_multipart(output_key(done.id, 8, "mp3"))
    clock.advance(HOUR)

    result = env.sweeper()()

    assert done.output
    assert env.keys == {upload.key, done.output.key}
    assert result.deleted == DeletionResult(objects=1, bytes=3, multipart_uploads=1)


def test_nothing_stays_of_the_output_of_one_that_failed_or_was_cancelled(
    env: JanitorEnvironment, clock: FakeClock
) -> None:
    upload = env.add_upload()
    failed = env.leases.claim(env.conversions.create(a_conversion(upload), upload).id, "worker", 30)
    cancelled = env.conversions.create(a_conversion(upload), upload)
    assert failed
    for conversion in (failed, cancelled):
        env.store_object(output_key(conversion.id, 1, "mp3"))
    env.leases.fail(failed, Failure("corrupt", "It is broken."))
    env.conversions.cancel(cancelled.id, cancelled.owner)
    clock.advance(HOUR)

    assert env.sweeper()().deleted.objects == 2
    assert env.keys == {upload.key}


@pytest.mark.parametrize(
    "key",
    [
        "uploads/nonsense/source",
        "uploads/",
        "outputs/cnv_short/1.mp3",
        "outputs/upl_{}/1.mp3",
        "elsewhere/x",
    ],
)
def test_what_lies_under_no_id_of_ours_stays(
    env: JanitorEnvironment, clock: FakeClock, key: str
) -> None:
    key = env.store_object(key.format("a" * 22))
    clock.advance(DAY)

    assert env.sweeper()().deleted == DeletionResult()
    assert env.keys == {key}


def test_an_object_whose_age_is_not_known_stays(
    env: JanitorEnvironment, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = env.store_object(source_key(new_id("upload")))
    clock.advance(DAY)
    monkeypatch.setattr(
        env.objects,
        "list",
        lambda prefix, after="": iter(
            [ObjectInfo(key, 3)] if key.startswith(prefix) and key > after else []
        ),
    )

    assert env.sweeper()().deleted == DeletionResult()


def test_an_object_that_could_not_be_deleted_is_named(
    env: JanitorEnvironment, clock: FakeClock
) -> None:
    orphan = new_id("upload")
    key = env.store_object(source_key(orphan))
    env.objects.undeletable.add(key)
    clock.advance(DAY)

    with capture_logs() as logs:
        result = env.sweeper()()

    failure = SweepFailure(orphan, f"{key}: AccessDenied: not this one")
    assert result.deleted == DeletionResult(failed=(failure,))
    named = [line for line in logs if line["event"] == "sweep.failed"]
    assert [(line["item"], line["reason"]) for line in named] == [(failure.id, failure.reason)]


def test_many_are_swept_at_once(env: JanitorEnvironment, clock: FakeClock) -> None:
    for _ in range(1200):
        env.store_object(source_key(new_id("upload")), 1)
    clock.advance(DAY)

    assert env.sweeper()().deleted == DeletionResult(objects=1200, bytes=1200)
    assert not env.keys


def test_an_item_that_this_version_cannot_read_keeps_its_objects(
    env: JanitorEnvironment, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = env.add_completed(env.add_upload())
    clock.advance(HOUR)
    monkeypatch.setattr(env.items, "read_many", lambda ids: dict.fromkeys(ids))
    before = env.keys

    assert env.sweeper()().deleted == DeletionResult()
    assert env.keys == before
    assert done.output


def test_an_expired_items_young_objects_go_with_it(
    env: JanitorEnvironment, clock: FakeClock
) -> None:
    """The grace is for items that are not written yet."""
    done = env.add_completed(env.add_upload())
    clock.advance(DAY + 1)
    env.store_object(output_key(done.id, 2, "mp3"))
    env.open_multipart(output_key(done.id, 3, "mp3"))

    result = env.sweeper()()

    assert env.keys == set()
    assert result.deleted == DeletionResult(objects=3, bytes=11, multipart_uploads=1)


def test_a_second_multipart_upload_of_a_published_output_is_aborted(
    env: JanitorEnvironment, clock: FakeClock
) -> None:
    """It was begun by a call whose reply was lost."""
    done = env.add_completed(env.add_upload())
    assert done.output
    env.open_multipart(done.output.key)
    clock.advance(HOUR)

    env.sweeper()()

    assert not env.open_uploads
    assert done.output.key in env.keys


def test_foreign_objects_are_counted_and_kept(env: JanitorEnvironment, clock: FakeClock) -> None:
    env.store_object("uploads/notes.txt")
    env.store_object("outputs/upl_" + "a" * 22 + "/1.mp3")
    env.open_multipart("uploads/somebody/else")
    clock.advance(DAY)

    result = env.sweeper()()

    assert (result.foreign, result.deleted) == (3, DeletionResult())
    assert len(env.keys) == 2
    assert env.open_uploads == {"uploads/somebody/else"}


def test_a_sweep_of_many_objects_makes_few_calls(env: JanitorEnvironment, clock: FakeClock) -> None:
    for _ in range(300):
        env.add_completed(env.add_upload())
    clock.advance(DAY + 1)
    deletions = record_calls(env.objects, "delete", "list")
    reads = record_calls(env.items, "read_many", "expired")
    listings = record_calls(env.multiparts, "list_open")

    result = env.sweeper()()

    assert (result.expired_uploads, result.expired_conversions) == (300, 300)
    assert result.deleted.objects == 600
    assert len(deletions) + len(reads) + len(listings) <= 16


def test_an_upload_created_again_during_the_sweep_stays(
    env: JanitorEnvironment, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its id comes from an Idempotency-Key. At first it has parts and no item."""
    removed = env.add_upload()
    clock.advance(DAY + 1)
    list_open, listed = env.multiparts.list_open, env.objects.list

    def begin_again(prefix: str, after: str) -> Iterator[OpenMultipartUpload]:
        monkeypatch.setattr(env.multiparts, "list_open", list_open)
        env.open_multipart(removed.key)
        return list_open(prefix, after)

    def finish_again(prefix: str, after: str) -> Iterator[ObjectInfo]:
        monkeypatch.setattr(env.objects, "list", listed)
        env.add_upload(id=removed.id)
        return listed(prefix, after)

    monkeypatch.setattr(env.multiparts, "list_open", begin_again)
    monkeypatch.setattr(env.objects, "list", finish_again)

    env.sweeper()()

    assert env.open_uploads == {removed.key}
    assert env.keys == {removed.key}
