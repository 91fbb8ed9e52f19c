"""The sweep: what has expired and what is left over goes, all else stays."""

from dataclasses import replace

import pytest

from libs.core.domain.conversions import output_key
from libs.core.domain.events import ItemRemoved
from libs.core.domain.ids import new_id
from libs.core.domain.uploads import Failure, source_key
from libs.core.ports.inbox import Message
from libs.core.ports.objects import ObjectInfo
from services.janitor.use_cases import DeletionResult, SweepFailure
from tests.fakes import FakeClock, a_conversion, an_upload
from tests.janitor.support import DAY, HOUR, House


def test_expired_items_go_with_all_that_is_theirs(house: House, clock: FakeClock) -> None:
    old = house.upload()
    done = house.completed(old)
    house.begin(output_key(done.id, 9, "mp3"))
    clock.advance(DAY + 1)
    young = house.upload()

    swept = house.sweep()()

    assert house.ids == {young.id}
    assert house.keys == {young.key}
    assert not house.open_uploads
    assert (swept.expired_uploads, swept.expired_conversions) == (1, 1)
    assert swept.erased == DeletionResult(objects=2, bytes=8, multipart_uploads=1)
    assert swept.complete


def test_what_has_not_expired_stays(house: House, clock: FakeClock) -> None:
    upload = house.upload()
    conversion = house.completed(upload)
    running = house.leases.claim(
        house.conversions.create(a_conversion(upload), upload).id, "worker", 30
    )
    assert running
    part = house.begin(output_key(running.id, 1, "mp3"))
    uploading = an_upload(now=clock())
    uploading = replace(uploading, multipart_id=house.begin(uploading.key))
    house.uploads.create(uploading, [])
    before = house.keys
    clock.advance(DAY - 1)

    swept = house.sweep()()

    assert swept.erased == DeletionResult()
    assert house.keys == before
    assert set(house.bucket.multiparts) == {part, uploading.multipart_id}
    assert house.ids == {upload.id, conversion.id, running.id, uploading.id}


def test_a_dry_run_counts_and_changes_nothing(house: House, clock: FakeClock) -> None:
    old = house.upload()
    house.completed(old)
    house.store(source_key(new_id("upload")), 7)
    house.begin(source_key(new_id("upload")))
    clock.advance(DAY + 1)
    ids, keys, opened = house.ids, house.keys, house.open_uploads

    dry = house.sweep()(dry_run=True)

    assert (house.ids, house.keys, house.open_uploads) == (ids, keys, opened)
    wet = house.sweep()()
    assert (dry.dry_run, wet.dry_run) == (True, False)
    assert dry.erased == wet.erased == DeletionResult(objects=3, bytes=15, multipart_uploads=1)
    assert (
        (dry.expired_uploads, dry.expired_conversions)
        == (wet.expired_uploads, wet.expired_conversions)
        == (1, 1)
    )


def test_a_sweep_after_a_sweep_finds_nothing(house: House, clock: FakeClock) -> None:
    house.completed(house.upload())
    clock.advance(DAY + 1)
    house.sweep()()

    swept = house.sweep()()

    assert (swept.expired_uploads, swept.expired_conversions, swept.erased) == (
        0,
        0,
        DeletionResult(),
    )


def test_an_item_that_is_renewed_under_its_hands_stays(
    house: House, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = house.upload()
    clock.advance(DAY + 1)
    monkeypatch.setattr(house.items, "expired", lambda now: iter([upload]))
    house.table.insert(replace(upload, expires_at=int(clock()) + DAY))

    assert house.sweep()().expired_uploads == 0
    assert house.keys == {upload.key}


def test_the_item_goes_first_so_that_nothing_points_at_what_is_erased(
    house: House, clock: FakeClock
) -> None:
    """I5; and should the process die in between, the item's record brings the erasing."""
    upload = house.upload()
    house.objects.away = True
    clock.advance(DAY + 1)

    swept = house.sweep()()

    assert (house.ids, house.keys) == (set(), {upload.key})
    assert SweepFailure(upload.id, "StorageUnavailable: Away.") in swept.erased.failed
    house.objects.away = False
    assert house.handle()(Message((ItemRemoved(upload, expired=False),), True, "receipt", 1))
    assert not house.keys


def test_objects_without_an_item_go_when_they_are_old_enough(
    house: House, clock: FakeClock
) -> None:
    house.store(source_key(new_id("upload")))
    house.store(output_key(new_id("conversion"), 1, "mp3"))
    clock.advance(HOUR)
    young = house.store(source_key(new_id("upload")))

    swept = house.sweep(sweep_grace=HOUR)()

    assert house.keys == {young}
    assert swept.erased == DeletionResult(objects=2, bytes=6)


def test_multipart_uploads_without_an_item_go_when_they_are_old_enough(
    house: House, clock: FakeClock
) -> None:
    house.begin(source_key(new_id("upload")))
    house.begin(output_key(new_id("conversion"), 1, "mp3"))
    clock.advance(HOUR)
    young = house.begin(source_key(new_id("upload")))

    swept = house.sweep(sweep_grace=HOUR)()

    assert set(house.bucket.multiparts) == {young}
    assert swept.erased == DeletionResult(multipart_uploads=2)


def test_what_a_lost_attempt_left_goes_and_the_output_stays(house: House, clock: FakeClock) -> None:
    upload = house.upload()
    done = house.completed(upload)
    house.store(output_key(done.id, 7, "mp3"))
    house.begin(output_key(done.id, 8, "mp3"))
    clock.advance(HOUR)

    swept = house.sweep()()

    assert done.output
    assert house.keys == {upload.key, done.output.key}
    assert swept.erased == DeletionResult(objects=1, bytes=3, multipart_uploads=1)


def test_nothing_stays_of_the_output_of_one_that_failed_or_was_cancelled(
    house: House, clock: FakeClock
) -> None:
    upload = house.upload()
    failed = house.leases.claim(
        house.conversions.create(a_conversion(upload), upload).id, "worker", 30
    )
    cancelled = house.conversions.create(a_conversion(upload), upload)
    assert failed
    for conversion in (failed, cancelled):
        house.store(output_key(conversion.id, 1, "mp3"))
    house.leases.fail(failed, Failure("corrupt", "It is broken."))
    house.conversions.cancel(cancelled.id, cancelled.owner)
    clock.advance(HOUR)

    assert house.sweep()().erased.objects == 2
    assert house.keys == {upload.key}


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
def test_what_lies_under_no_id_of_ours_stays(house: House, clock: FakeClock, key: str) -> None:
    key = house.store(key.format("a" * 22))
    clock.advance(DAY)

    assert house.sweep()().erased == DeletionResult()
    assert house.keys == {key}


def test_an_object_whose_age_is_not_known_stays(
    house: House, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = house.store(source_key(new_id("upload")))
    clock.advance(DAY)
    monkeypatch.setattr(
        house.objects,
        "list",
        lambda prefix: iter([ObjectInfo(key, 3)] if key.startswith(prefix) else []),
    )

    assert house.sweep()().erased == DeletionResult()


def test_what_cannot_be_read_is_named_and_left_and_the_rest_is_done(
    house: House, clock: FakeClock
) -> None:
    unreadable, other = new_id("upload"), new_id("upload")
    expired = house.upload()
    for item_id in (unreadable, other):
        house.store(source_key(item_id))
    clock.advance(DAY + 1)
    house.items.unreadable |= {unreadable, expired.id}

    swept = house.sweep()()

    assert house.keys == {source_key(unreadable), expired.key}
    assert {failed.id for failed in swept.erased.failed} == {unreadable, expired.id}
    assert swept.erased.objects == 1


def test_an_object_that_could_not_be_erased_is_named(house: House, clock: FakeClock) -> None:
    orphan = new_id("upload")
    key = house.store(source_key(orphan))
    house.objects.keeps.add(key)
    clock.advance(DAY)

    swept = house.sweep()()

    assert swept.erased == DeletionResult(
        failed=(SweepFailure(orphan, f"{key}: AccessDenied: not this one"),)
    )


def test_a_store_out_of_reach_is_named_and_ends_nothing(house: House, clock: FakeClock) -> None:
    house.begin(source_key(new_id("upload")))
    house.objects.away = True
    clock.advance(DAY)

    swept = house.sweep()()

    assert {failed.id for failed in swept.erased.failed} == {"uploads/", "outputs/"}
    assert not house.open_uploads


def test_it_stops_when_its_time_is_over_and_the_next_goes_on(
    house: House, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(10):
        house.upload()
    clock.advance(DAY + 1)
    remove = house.items.remove_expired

    def slow(*arguments: object) -> bool:
        house.timer.advance(1)
        return remove(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(house.items, "remove_expired", slow)

    first, second, third = (house.sweep(sweep_limit=4)() for _ in range(3))

    assert [swept.complete for swept in (first, second, third)] == [False, False, True]
    assert [swept.expired_uploads for swept in (first, second, third)] == [4, 4, 2]
    assert (first.took_seconds, house.keys) == (4.0, set())


def test_many_are_swept_at_once(house: House, clock: FakeClock) -> None:
    for _ in range(1200):
        house.store(source_key(new_id("upload")), 1)
    clock.advance(DAY)

    assert house.sweep()().erased == DeletionResult(objects=1200, bytes=1200)
    assert not house.keys


@pytest.mark.parametrize("step", range(10))
def test_one_that_died_is_made_up_for_by_the_next(
    house: House, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """SIGKILL before the n-th item that it asks of S3 or the table."""
    for _ in range(2):
        house.completed(house.upload())
    orphan = house.store(source_key(new_id("upload")))
    house.begin(orphan)
    clock.advance(DAY + 1)
    calls = 0

    class Killed(BaseException):
        pass

    def dying(method: object) -> object:
        def call(*arguments: object) -> object:
            nonlocal calls
            calls += 1
            if calls > step:
                raise Killed
            return method(*arguments)  # type: ignore[operator]

        return call

    with monkeypatch.context() as patch:
        for port, name in [
            (house.items, "remove_expired"),
            (house.objects, "erase"),
            (house.multiparts, "abort"),
        ]:
            patch.setattr(port, name, dying(getattr(port, name)))
        with pytest.raises(Killed):
            house.sweep()()
    clock.advance(HOUR)
    house.sweep()()

    assert (house.ids, house.keys, house.open_uploads) == (set(), set(), set())
