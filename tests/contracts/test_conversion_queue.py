"""Test the contract of ConversionQueue. The table is shared: tests compare positions."""

from contextlib import suppress

import pytest

from libs.core.domain.conversions import Conversion, Phase
from libs.core.domain.uploads import Upload
from libs.core.errors import ConversionNotFound
from libs.core.ports.leases import ProgressReport
from tests.contracts.backend import Backend
from tests.fakes import DAY, a_conversion, an_upload

ALL = (Phase.WAITING, Phase.QUEUED, Phase.PROBING, Phase.CONVERTING, Phase.STORING)


@pytest.fixture
def queue_of_four(backend: Backend, upload: Upload) -> list[Conversion]:
    """Create four queued conversions, oldest first, in a queue without others."""
    for left in list(backend.queue.in_phase(*ALL)):
        with suppress(ConversionNotFound):
            backend.conversions.remove(left.id, left.owner)
    uploaded = backend.uploads.mark_uploaded(upload.id)
    ages = [2, 0, 3, 1]
    created = [
        backend.conversions.create(
            a_conversion(upload, created_at=upload.created_at + age), uploaded
        )
        for age in ages
    ]
    return sorted(created, key=lambda conversion: conversion.created_at)


def test_positions_count_from_one_by_age(backend: Backend, queue_of_four: list[Conversion]) -> None:
    assert [backend.queue.position(conversion) for conversion in queue_of_four] == [1, 2, 3, 4]


def test_positions_of_an_owner_are_those_of_each_conversion(
    backend: Backend, queue_of_four: list[Conversion]
) -> None:
    positions = backend.queue.positions(queue_of_four[0].owner)

    assert positions == {conversion.id: n for n, conversion in enumerate(queue_of_four, 1)}
    assert backend.progress.positions(queue_of_four[0].owner) == positions
    assert backend.queue.positions("somebody else") == {}


def test_a_claimed_or_cancelled_conversion_leaves_the_queue(
    backend: Backend, queue_of_four: list[Conversion]
) -> None:
    backend.leases.claim(queue_of_four[0].id, "worker", 60)
    backend.conversions.cancel(queue_of_four[1].id, queue_of_four[1].owner)

    assert [backend.queue.position(conversion) for conversion in queue_of_four[2:]] == [1, 2]


def test_a_waiting_conversion_is_not_in_the_queue(
    backend: Backend, owner: str, queue_of_four: list[Conversion]
) -> None:
    other = an_upload(owner, backend.clock() - 100)
    backend.uploads.create(other, [a_conversion(other)])

    assert backend.queue.position(queue_of_four[0]) == 1


def test_a_released_conversion_returns_to_its_position(
    backend: Backend, queue_of_four: list[Conversion]
) -> None:
    claimed = backend.leases.claim(queue_of_four[0].id, "worker", 60)
    assert claimed
    backend.leases.release(claimed)

    assert [backend.queue.position(conversion) for conversion in queue_of_four] == [1, 2, 3, 4]


def test_in_phase_lists_queued_conversions_oldest_first(
    backend: Backend, queue_of_four: list[Conversion]
) -> None:
    assert list(backend.queue.in_phase(Phase.QUEUED)) == queue_of_four


@pytest.mark.parametrize("phase", [Phase.PROBING, Phase.CONVERTING, Phase.STORING])
def test_in_phase_lists_running_conversions_of_that_phase(
    backend: Backend, queue_of_four: list[Conversion], phase: Phase
) -> None:
    claimed = backend.leases.claim(queue_of_four[2].id, "worker", 60)
    assert claimed
    backend.leases.report(claimed, ProgressReport(phase, 5.0), 60)

    assert [found.id for found in backend.queue.in_phase(phase)] == [queue_of_four[2].id]
    running = {Phase.PROBING, Phase.CONVERTING, Phase.STORING} - {phase}
    assert list(backend.queue.in_phase(*running)) == []


def test_in_phase_of_several_phases_lists_all_oldest_first(
    backend: Backend, queue_of_four: list[Conversion]
) -> None:
    backend.leases.claim(queue_of_four[1].id, "worker", 60)

    assert [found.id for found in backend.queue.in_phase(Phase.PROBING, Phase.QUEUED)] == [
        each.id for each in queue_of_four
    ]


def test_in_phase_omits_ended_conversions(
    backend: Backend, queue_of_four: list[Conversion]
) -> None:
    backend.conversions.cancel(queue_of_four[0].id, queue_of_four[0].owner)

    assert list(backend.queue.in_phase(*ALL, Phase.DONE)) == queue_of_four[1:]


def test_in_phase_omits_expired_conversions(
    backend: Backend, queue_of_four: list[Conversion]
) -> None:
    backend.clock.advance(DAY)

    assert list(backend.queue.in_phase(*ALL)) == []


def test_backlog_counts_queued_and_running_conversions(
    backend: Backend, queue_of_four: list[Conversion]
) -> None:
    backend.leases.claim(queue_of_four[3].id, "worker", 60)
    backend.clock.advance(7)

    backlog = backend.queue.backlog()

    assert (backlog.queued, backlog.running) == (3, 1)
    assert backlog.longest_wait == pytest.approx(7, abs=0.01)


def test_a_conversion_waits_from_when_it_was_queued_and_not_created(
    backend: Backend, queue_of_four: list[Conversion]
) -> None:
    for queued in queue_of_four[1:]:
        backend.conversions.cancel(queued.id, queued.owner)
    claimed = backend.leases.claim(queue_of_four[0].id, "worker", 60)
    assert claimed
    backend.clock.advance(100)
    backend.leases.release(claimed)
    backend.clock.advance(5)

    assert backend.queue.backlog().longest_wait == pytest.approx(5, abs=0.01)


def test_a_session_with_one_is_not_behind_the_backlog_of_another(
    backend: Backend, queue_of_four: list[Conversion]
) -> None:
    other = an_upload("another-session", backend.clock())
    backend.uploads.create(other, [])
    uploaded = backend.uploads.mark_uploaded(other.id)
    single = backend.conversions.create(
        a_conversion(other, created_at=other.created_at + 9), uploaded
    )

    assert backend.queue.position(single) == 2
    backend.leases.claim(queue_of_four[0].id, "worker", 60)

    assert backend.queue.position(single) == 1, "the other session runs something"
    assert [backend.queue.position(each) for each in queue_of_four[1:]] == [2, 3, 4]
    backend.conversions.remove(single.id, single.owner)
