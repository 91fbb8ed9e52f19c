"""Test the contract of ChangeFeed. The table is shared: each test filters by its own owner."""

import time
from collections.abc import Callable, Iterator
from threading import Event as Flag

import pytest

from libs.core.domain.conversions import Phase
from libs.core.domain.events import Change
from libs.core.domain.uploads import Upload
from libs.core.ports.leases import ProgressReport
from tests.contracts.backend import Backend
from tests.fakes import a_conversion, an_upload

Watch = Callable[[int], list[Change]]
TIMEOUT = 20
"""Seconds after which a missing change counts as lost."""


@pytest.fixture
def stop() -> Iterator[Flag]:
    flag = Flag()
    yield flag
    flag.set()


@pytest.fixture
def watch(backend: Backend, owner: str, stop: Flag) -> Watch:
    """Follow the feed, and return a function that waits for this owner's next changes."""
    batches = backend.feed.follow(stop)
    next(batches)
    seen: list[Change] = []

    def see(count: int) -> list[Change]:
        deadline = time.monotonic() + TIMEOUT
        while len(seen) < count and time.monotonic() < deadline:
            seen.extend(change for change in next(batches) or [] if change.item.owner == owner)
        return seen

    return see


def test_a_new_item_has_no_before(backend: Backend, owner: str, watch: Watch) -> None:
    upload = an_upload(owner, backend.clock())
    conversion = a_conversion(upload)
    backend.uploads.create(upload, [conversion])

    changes = watch(2)

    assert {change.item.id: change for change in changes} == {
        item.id: Change(None, item) for item in (upload, conversion)
    }


def test_a_changed_item_shows_before_and_now(backend: Backend, owner: str, watch: Watch) -> None:
    upload = an_upload(owner, backend.clock())
    backend.uploads.create(upload, [])
    changed = backend.uploads.add_parts(upload.id, 2)

    assert watch(2)[1:] == [Change(upload, changed)]


def test_a_removed_item_shows_how_it_last_was(backend: Backend, owner: str, watch: Watch) -> None:
    upload = an_upload(owner, backend.clock())
    backend.uploads.create(upload, [])
    last = backend.uploads.add_parts(upload.id, 1)
    backend.uploads.remove(upload.id, owner)

    [*_, removed] = watch(3)

    assert removed == Change(last, None)
    assert removed.item == last


def test_the_removal_of_an_expired_item_is_shown(
    backend: Backend, owner: str, watch: Watch
) -> None:
    upload = an_upload(owner, backend.clock(), expires_at=int(backend.clock()) + 1)
    backend.uploads.create(upload, [])
    backend.clock.advance(2)
    backend.expired.remove_expired([upload], backend.clock())

    assert watch(2)[1:] == [Change(upload, None)]


def test_changes_of_an_item_come_in_order(backend: Backend, upload: Upload, watch: Watch) -> None:
    uploaded = backend.uploads.mark_uploaded(upload.id)
    conversion = backend.conversions.create(a_conversion(upload), uploaded)
    mine = backend.leases.claim(conversion.id, "worker", 60)
    assert mine
    for percent in (1.0, 2.0, 3.0):
        backend.leases.report(mine, ProgressReport(Phase.CONVERTING, percent), 60)

    changes = [change for change in watch(7) if change.item.id == conversion.id]

    assert [change.item.version for change in changes] == [1, 2, 3, 4, 5]
    assert [change.after for change in changes[:-1]] == [change.before for change in changes[1:]]


def test_changes_before_the_start_are_not_shown(
    backend: Backend, upload: Upload, watch: Watch
) -> None:
    backend.uploads.add_parts(upload.id, 1)

    assert [change.item.version for change in watch(1)] == [2]


def test_an_empty_batch_comes_now_and_then(backend: Backend, stop: Flag) -> None:
    batches = backend.feed.follow(stop)
    next(batches)
    deadline = time.monotonic() + TIMEOUT

    while next(batches) != []:
        assert time.monotonic() < deadline


def test_following_ends_when_the_flag_is_set(backend: Backend, stop: Flag) -> None:
    batches = backend.feed.follow(stop)
    next(batches)
    stop.set()

    assert all(not batch for batch in batches)
