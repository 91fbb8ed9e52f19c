"""What S3 says of a file: twice, late, too early, out of order; and what is done when it says nothing."""

import pytest

from libs.core.domain.conversions import Phase
from libs.core.domain.uploads import Failure, UploadStatus
from tests.conversion.support import PATIENCE, FakeEngine, World, beating
from tests.fault_injection import fail_calls, record_calls


def test_an_arrival_queues_all_that_waited_for_it(world: World) -> None:
    upload, waiting = world.begun(waiting=3)
    world.store(upload)

    world.arrives(upload.id)

    assert world.uploads.get(upload.id).status is UploadStatus.UPLOADED
    assert {world.now(c).phase for c in waiting} == {Phase.QUEUED}


def test_an_arrival_told_twice_changes_nothing_the_second_time(world: World) -> None:
    upload, (conversion,) = world.begun()
    world.store(upload)
    world.arrives(upload.id)
    before = (world.uploads.get(upload.id).version, world.now(conversion).version)

    world.arrives(upload.id)

    assert (world.uploads.get(upload.id).version, world.now(conversion).version) == before


def test_an_arrival_told_late_does_not_start_again_what_has_ended(world: World) -> None:
    upload, (conversion,) = world.begun()
    world.store(upload)
    world.uploads.mark_uploaded(upload.id)
    world.conversions.cancel(conversion.id, conversion.owner)

    world.arrives(upload.id)

    assert world.now(conversion).status == "cancelled"


def test_an_arrival_before_the_object_is_ignored(world: World) -> None:
    upload, (conversion,) = world.begun()

    world.arrives(upload.id)

    assert world.uploads.get(upload.id).status is UploadStatus.UPLOADING
    assert world.now(conversion).phase is Phase.WAITING


def test_what_waits_for_an_upload_that_failed_is_told_so_when_somebody_looks(world: World) -> None:
    upload, (conversion,) = world.begun()
    world.store(upload, b"of another size, and so of no use")
    world.uploads.mark_failed(upload.id, Failure("upload_expired", "The parts are gone."))
    world.clock.advance(PATIENCE + 1)
    engine = FakeEngine()

    world.rescue()
    following = world.following()
    assert following
    assert world.run(engine)(following.id, beating) is True

    ended = world.now(conversion)
    assert ended.status == "failed"
    assert ended.error
    assert (ended.error.code, "upload it again" in ended.error.detail) == ("corrupt", True)
    assert not engine.jobs


def test_an_object_of_the_wrong_size_is_no_arrival(world: World) -> None:
    upload, (conversion,) = world.begun()
    world.store(upload, b"too short")

    world.arrives(upload.id)

    assert world.uploads.get(upload.id).status is UploadStatus.UPLOADING
    assert world.now(conversion).phase is Phase.WAITING


def test_an_arrival_without_an_item_or_after_its_removal_is_ignored(world: World) -> None:
    upload, (conversion,) = world.begun()
    world.store(upload)
    world.uploads.remove(upload.id, upload.owner)

    world.arrives(upload.id)
    world.arrives("upl_" + "A" * 22)

    assert world.now(conversion).phase is Phase.WAITING


def test_an_arrival_for_an_upload_that_failed_does_not_bring_it_back(world: World) -> None:
    upload, (conversion,) = world.begun()
    world.store(upload)
    world.uploads.mark_failed(upload.id, Failure("upload_expired", "Gone."))

    world.arrives(upload.id)

    assert world.uploads.get(upload.id).status is UploadStatus.FAILED
    assert world.now(conversion).phase is Phase.QUEUED  # where it finds its end, see above


@pytest.mark.parametrize("step", ["mark_uploaded", "queue"])
def test_an_arrival_whose_handling_died_halfway_is_made_up_for_by_the_next(
    world: World, step: str
) -> None:
    upload, waiting = world.begun(waiting=2)
    world.store(upload)
    fail_calls(
        world.uploads if step == "mark_uploaded" else world.conversions,
        step,
        error=KeyboardInterrupt(),
    )
    with pytest.raises(KeyboardInterrupt):
        world.arrives(upload.id)

    world.arrives(upload.id)

    assert {world.now(c).phase for c in waiting} == {Phase.QUEUED}


def test_an_arrival_that_nobody_told_of_is_found_after_a_while(world: World) -> None:
    upload, (conversion,) = world.begun()
    world.store(upload)

    world.rescue()
    assert world.now(conversion).phase is Phase.WAITING, "the event may be on its way"
    world.clock.advance(PATIENCE + 1)
    world.rescue()

    assert world.now(conversion).phase is Phase.QUEUED


def test_an_upload_that_takes_long_is_looked_at_once_for_all_that_waits_for_it(
    world: World,
) -> None:
    world.begun(waiting=3)
    world.clock.advance(PATIENCE + 1)
    looks = record_calls(world.objects, "head")

    world.rescue()

    assert looks == ["head"]
