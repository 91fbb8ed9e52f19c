"""Test that a sweep deletes what is expired or orphaned, and keeps the rest."""

import random
import string
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from libs.core.domain.conversions import output_key
from libs.core.domain.events import ItemRemoved
from libs.core.domain.ids import new_id
from libs.core.domain.progress import Item
from libs.core.domain.uploads import source_key
from libs.core.ports.inbox import Message
from services.janitor import orphans, sweep
from services.janitor.deletion import DeletionResult, SweepFailure
from tests.fakes import FakeClock, a_conversion, an_upload
from tests.janitor.support import DAY, HOUR, JanitorEnvironment


def test_expired_items_go_with_all_that_is_theirs(
    env: JanitorEnvironment, clock: FakeClock
) -> None:
    old = env.add_upload()
    done = env.add_completed(old)
    env.open_multipart(output_key(done.id, 9, "mp3"))
    clock.advance(DAY + 1)
    young = env.add_upload()

    result = env.sweeper()()

    assert env.ids == {young.id}
    assert env.keys == {young.key}
    assert not env.open_uploads
    assert (result.expired_uploads, result.expired_conversions) == (1, 1)
    assert result.deleted == DeletionResult(objects=2, bytes=8, multipart_uploads=1)
    assert result.complete


def test_what_has_not_expired_stays(env: JanitorEnvironment, clock: FakeClock) -> None:
    upload = env.add_upload()
    conversion = env.add_completed(upload)
    running = env.leases.claim(
        env.conversions.create(a_conversion(upload), upload).id, "worker", 30
    )
    assert running
    part = env.open_multipart(output_key(running.id, 1, "mp3"))
    uploading = an_upload(now=clock())
    uploading = replace(uploading, multipart_id=env.open_multipart(uploading.key))
    env.uploads.create(uploading, [])
    before = env.keys
    clock.advance(DAY - 1)

    result = env.sweeper()()

    assert result.deleted == DeletionResult()
    assert env.keys == before
    assert set(env.bucket.multiparts) == {part, uploading.multipart_id}
    assert env.ids == {upload.id, conversion.id, running.id, uploading.id}


def test_a_dry_run_counts_and_changes_nothing(env: JanitorEnvironment, clock: FakeClock) -> None:
    old = env.add_upload()
    env.add_completed(old)
    env.store_object(source_key(new_id("upload")), 7)
    env.open_multipart(source_key(new_id("upload")))
    clock.advance(DAY + 1)
    ids, keys, opened = env.ids, env.keys, env.open_uploads

    dry = env.sweeper()(dry_run=True)

    assert (env.ids, env.keys, env.open_uploads) == (ids, keys, opened)
    wet = env.sweeper()()
    assert (dry.dry_run, wet.dry_run) == (True, False)
    assert dry.deleted == wet.deleted == DeletionResult(objects=3, bytes=15, multipart_uploads=1)
    assert (
        (dry.expired_uploads, dry.expired_conversions)
        == (wet.expired_uploads, wet.expired_conversions)
        == (1, 1)
    )


def test_a_sweep_after_a_sweep_finds_nothing(env: JanitorEnvironment, clock: FakeClock) -> None:
    env.add_completed(env.add_upload())
    clock.advance(DAY + 1)
    env.sweeper()()

    result = env.sweeper()()

    assert (result.expired_uploads, result.expired_conversions, result.deleted) == (
        0,
        0,
        DeletionResult(),
    )


def test_an_item_that_is_renewed_during_the_sweep_stays(
    env: JanitorEnvironment, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = env.add_upload()
    clock.advance(DAY + 1)
    monkeypatch.setattr(env.items, "expired", lambda now: iter([upload]))
    env.table.insert(replace(upload, expires_at=int(clock()) + DAY))

    assert env.sweeper()().expired_uploads == 0
    assert env.keys == {upload.key}


def test_the_item_goes_first_so_that_nothing_points_at_what_is_deleted(
    env: JanitorEnvironment, clock: FakeClock
) -> None:
    """If the process dies in between, the item's REMOVE record brings the deletion."""
    upload = env.add_upload()
    env.objects.is_unavailable = True
    clock.advance(DAY + 1)

    result = env.sweeper()()

    assert (env.ids, env.keys) == (set(), {upload.key})
    assert SweepFailure("uploads/", "StorageUnavailable: Unavailable.") in result.deleted.failed
    env.objects.is_unavailable = False
    removed = Message((ItemRemoved(upload, expired=False),), True, "receipt", 1)
    assert env.handler()([removed]) == [removed]
    assert not env.keys


def test_what_cannot_be_read_is_named_and_left_and_the_rest_is_done(
    env: JanitorEnvironment, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    unreadable, other = new_id("upload"), new_id("upload")
    expired = env.add_upload()
    for item_id in (unreadable, other):
        env.store_object(source_key(item_id))
    clock.advance(DAY + 1)
    env.items.unreadable |= {unreadable, expired.id}
    monkeypatch.setattr(orphans, "MAX_DELETE_KEYS", 1)

    result = env.sweeper()()

    assert env.keys == {source_key(unreadable), expired.key}
    # The objects of what could not be read are named by their folder, once for each batch.
    assert [failed.id for failed in result.deleted.failed] == [expired.id, "uploads/", "uploads/"]
    assert result.deleted.objects == 1


def test_a_store_out_of_reach_is_named_and_ends_nothing(
    env: JanitorEnvironment, clock: FakeClock
) -> None:
    env.open_multipart(source_key(new_id("upload")))
    env.objects.is_unavailable = True
    clock.advance(DAY)

    result = env.sweeper()()

    assert {failed.id for failed in result.deleted.failed} == {"uploads/", "outputs/"}
    assert not env.open_uploads


def test_it_stops_when_its_time_is_over_and_the_next_goes_on(
    env: JanitorEnvironment, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(10):
        env.add_upload()
    clock.advance(DAY + 1)
    remove = env.items.remove_expired
    monkeypatch.setattr(sweep, "ITEMS_PER_CHECK", 2)

    def slow(*arguments: object) -> object:
        env.timer.advance(1)
        return remove(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(env.items, "remove_expired", slow)

    first, second, third = (env.sweeper(sweep_limit=2)() for _ in range(3))

    assert [result.complete for result in (first, second, third)] == [False, False, True]
    assert [result.expired_uploads for result in (first, second, third)] == [4, 4, 2]
    assert (first.took_seconds, env.keys) == (2.0, set())


@pytest.mark.parametrize(
    "orphan", [source_key("upl_" + 22 * "z"), output_key("cnv_" + 22 * "z", 1, "mp3")]
)
def test_sweeps_that_never_reach_the_end_still_find_every_orphan(
    env: JanitorEnvironment, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, orphan: str
) -> None:
    """Each sweep has time for 3 of 41 objects, and the orphan is the last of its folder."""
    noise = random.Random(8)
    env.shuffle = noise.shuffle
    env.first_id = lambda kind: new_id(kind)[:4] + 22 * noise.choice(string.ascii_lowercase)
    for letter in string.ascii_lowercase[:20]:
        env.store_object(f"uploads/upl_{letter}")
        env.store_object(f"outputs/cnv_{letter}")
    env.store_object(orphan)
    clock.advance(HOUR)
    before = env.keys
    read_many = env.items.read_many
    monkeypatch.setattr(orphans, "MAX_DELETE_KEYS", 1)

    def slow(ids: Sequence[str]) -> Mapping[str, Item | None]:
        env.timer.advance(1)
        return read_many(ids)

    monkeypatch.setattr(env.items, "read_many", slow)

    results = [env.sweeper(sweep_limit=3)() for _ in range(100)]

    assert {(result.complete, result.checked) for result in results} == {(False, 3)}
    assert sum(result.deleted.objects for result in results) == 1
    assert env.keys == before - {orphan}


def test_a_sweep_with_enough_time_checks_everything_once(
    env: JanitorEnvironment, clock: FakeClock
) -> None:
    for _ in range(20):
        env.open_multipart(output_key(env.add_completed(env.add_upload()).id, 9, "mp3"))
    clock.advance(HOUR)
    env.first_id = new_id

    result = env.sweeper()()

    assert (result.complete, result.checked) == (True, 60)


def test_two_janitors_that_sweep_at_once_remove_each_item_once(
    env: JanitorEnvironment, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(60):
        env.add_completed(env.add_upload())
    clock.advance(DAY + 1)
    monkeypatch.setattr(sweep, "ITEMS_PER_CALL", 7)

    with ThreadPoolExecutor(2) as janitors:
        results = list(janitors.map(lambda _: env.sweeper()(), range(2)))

    assert sum(result.expired_uploads for result in results) == 60
    assert sum(result.expired_conversions for result in results) == 60
    assert [result.deleted.failed for result in results] == [(), ()]
    assert (env.ids, env.keys) == (set(), set())


@pytest.mark.parametrize("step", range(7))
def test_the_next_sweep_finishes_one_that_died(
    env: JanitorEnvironment, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """The process is killed before its n-th call that deletes something."""
    for _ in range(2):
        env.add_completed(env.add_upload())
    orphan = env.store_object(source_key(new_id("upload")))
    env.open_multipart(orphan)
    clock.advance(DAY + 1)
    calls = 0
    monkeypatch.setattr(sweep, "ITEMS_PER_CALL", 1)

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
            (env.items, "remove_expired"),
            (env.objects, "delete"),
            (env.multiparts, "abort"),
        ]:
            patch.setattr(port, name, dying(getattr(port, name)))
        with pytest.raises(Killed):
            env.sweeper()()
    clock.advance(HOUR)
    env.sweeper()()

    assert (env.ids, env.keys, env.open_uploads) == (set(), set(), set())
