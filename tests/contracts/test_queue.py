"""Queue, sentence by sentence. The table is shared with other tests, so positions are compared with each other."""

from contextlib import suppress

import pytest

from libs.core.domain.conversions import Conversion, Phase
from libs.core.domain.uploads import Upload
from libs.core.errors import ConversionNotFound
from libs.core.ports.leases import ProgressReport
from tests.contracts.backends import Backend
from tests.fakes import DAY, a_conversion, an_upload

ALL = (Phase.WAITING, Phase.QUEUED, Phase.PROBING, Phase.CONVERTING, Phase.STORING)


@pytest.fixture
def line(backend: Backend, upload: Upload) -> list[Conversion]:
    """Four queued conversions, oldest first, and nothing else in the queue."""
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


def test_positions_count_from_one_by_age(backend: Backend, line: list[Conversion]) -> None:
    assert [backend.queue.position(conversion) for conversion in line] == [1, 2, 3, 4]


def test_what_is_claimed_or_cancelled_makes_room(backend: Backend, line: list[Conversion]) -> None:
    backend.leases.claim(line[0].id, "worker", 60)
    backend.conversions.cancel(line[1].id, line[1].owner)

    assert [backend.queue.position(conversion) for conversion in line[2:]] == [1, 2]


def test_what_waits_for_its_upload_is_not_before_anybody(
    backend: Backend, owner: str, line: list[Conversion]
) -> None:
    other = an_upload(owner, backend.clock() - 100)
    backend.uploads.create(other, [a_conversion(other)])

    assert backend.queue.position(line[0]) == 1


def test_a_released_one_takes_its_old_place(backend: Backend, line: list[Conversion]) -> None:
    claimed = backend.leases.claim(line[0].id, "worker", 60)
    assert claimed
    backend.leases.release(claimed)

    assert [backend.queue.position(conversion) for conversion in line] == [1, 2, 3, 4]


def test_in_phase_gives_what_is_queued_oldest_first(
    backend: Backend, line: list[Conversion]
) -> None:
    assert list(backend.queue.in_phase(Phase.QUEUED)) == line


@pytest.mark.parametrize("phase", [Phase.PROBING, Phase.CONVERTING, Phase.STORING])
def test_in_phase_gives_what_is_running_in_that_phase(
    backend: Backend, line: list[Conversion], phase: Phase
) -> None:
    claimed = backend.leases.claim(line[2].id, "worker", 60)
    assert claimed
    backend.leases.report(claimed, ProgressReport(phase, 5.0), 60)

    assert [found.id for found in backend.queue.in_phase(phase)] == [line[2].id]
    running = {Phase.PROBING, Phase.CONVERTING, Phase.STORING} - {phase}
    assert list(backend.queue.in_phase(*running)) == []


def test_in_phase_of_several_is_oldest_first_over_all(
    backend: Backend, line: list[Conversion]
) -> None:
    backend.leases.claim(line[1].id, "worker", 60)

    assert [found.id for found in backend.queue.in_phase(Phase.PROBING, Phase.QUEUED)] == [
        each.id for each in line
    ]


def test_in_phase_leaves_out_what_has_ended(backend: Backend, line: list[Conversion]) -> None:
    backend.conversions.cancel(line[0].id, line[0].owner)

    assert list(backend.queue.in_phase(*ALL, Phase.DONE)) == line[1:]


def test_in_phase_leaves_out_what_has_expired(backend: Backend, line: list[Conversion]) -> None:
    backend.clock.advance(DAY)

    assert list(backend.queue.in_phase(*ALL)) == []
