"""Test that a worker which is alive takes back what its lost attempt says about the file."""

import pytest

from libs.core.domain.conversions import Conversion
from tests.contracts.backend import Backend
from tests.contracts.leases import LEASE, publish, take_over


@pytest.fixture
def alone(backend: Backend, queued: Conversion) -> Conversion:
    """Return a conversion in an attempt that counts if it is lost."""
    claimed = backend.leases.claim(queued.id, "frozen", LEASE, alone=True)
    assert claimed
    return claimed


def count_against_the_file(backend: Backend, conversion: Conversion) -> int:
    """Return the attempts that count, the one that runs included."""
    now = backend.conversions.get(conversion.id)
    return now.attempts - now.unblamed_count


def test_an_attempt_that_was_taken_over_is_excused_once(
    backend: Backend, alone: Conversion
) -> None:
    take_over(backend, alone)
    assert count_against_the_file(backend, alone) == 2

    backend.leases.excuse(alone)
    backend.leases.excuse(alone)

    assert count_against_the_file(backend, alone) == 1


def test_each_of_several_lost_attempts_is_excused_by_its_own_worker(
    backend: Backend, alone: Conversion
) -> None:
    second = take_over(backend, alone)
    take_over(backend, second, "third")

    backend.leases.excuse(second)
    assert count_against_the_file(backend, alone) == 2
    backend.leases.excuse(alone)

    assert count_against_the_file(backend, alone) == 1


def test_an_excuse_does_not_disturb_the_worker_that_took_over(
    backend: Backend, alone: Conversion
) -> None:
    taken = take_over(backend, alone)

    backend.leases.excuse(alone)

    assert publish(backend, taken).status == "completed"


def test_an_attempt_that_does_not_count_needs_no_excuse(backend: Backend, mine: Conversion) -> None:
    """It was lost beside others."""
    take_over(backend, mine)
    before = backend.conversions.get(mine.id)

    backend.leases.excuse(mine)

    assert backend.conversions.get(mine.id) == before


def test_an_attempt_that_still_runs_is_not_excused(backend: Backend, alone: Conversion) -> None:
    before = backend.conversions.get(alone.id)

    backend.leases.excuse(alone)

    assert backend.conversions.get(alone.id) == before


def test_nothing_changes_after_the_end(backend: Backend, alone: Conversion) -> None:
    done = publish(backend, take_over(backend, alone))

    backend.leases.excuse(alone)
    assert backend.conversions.get(alone.id) == done

    backend.conversions.remove(alone.id, alone.owner)
    backend.leases.excuse(alone)
