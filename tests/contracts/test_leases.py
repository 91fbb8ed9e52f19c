"""Test the contract of ConversionLeases: claims, and writes without a lease.

Time is the injected clock's.
"""

from typing import Any

import pytest

from libs.core.domain.conversions import Conversion, ConversionStatus, Phase
from libs.core.domain.ids import new_id
from libs.core.errors import LeaseLost
from libs.core.ports.leases import ProgressReport
from tests.contracts.backend import Backend
from tests.contracts.leases import (
    LEASE,
    LOSSES,
    WRITES,
    Write,
    claim,
    every_loss,
    every_write,
    take_over,
)
from tests.fakes import DAY


def test_claim_starts_a_queued_conversion(backend: Backend, queued: Conversion) -> None:
    backend.clock.advance(2)

    mine = claim(backend, queued)

    assert (mine.status, mine.phase, mine.percent) == (
        ConversionStatus.CONVERTING,
        Phase.PROBING,
        0.0,
    )
    assert (mine.attempts, mine.worker) == (1, "first")
    assert mine.started_at == backend.clock()
    assert mine.version == queued.version + 1
    assert backend.conversions.get(mine.id) == mine


def test_a_waiting_conversion_cannot_be_claimed(backend: Backend, waiting: Conversion) -> None:
    assert backend.leases.claim(waiting.id, "first", LEASE) is None
    assert backend.conversions.get(waiting.id) == waiting


@pytest.mark.parametrize("worker", ["first", "second"])
def test_a_leased_conversion_cannot_be_claimed(
    backend: Backend, mine: Conversion, worker: str
) -> None:
    backend.clock.advance(2 * LEASE)

    assert backend.leases.claim(mine.id, worker, LEASE, alone=True) is None
    assert backend.conversions.get(mine.id) == mine


@pytest.mark.parametrize("seconds", [-600, 0, 600])
def test_a_lease_renewed_since_it_was_observed_is_not_taken_over(
    backend: Backend, mine: Conversion, seconds: float
) -> None:
    backend.clock.advance(seconds)
    backend.leases.report(mine, ProgressReport(Phase.CONVERTING, 1.0), LEASE)
    renewed = backend.conversions.get(mine.id)

    assert backend.leases.claim(mine.id, "second", LEASE, mine.version, alone=True) is None
    assert backend.conversions.get(mine.id) == renewed


@pytest.mark.parametrize("seconds", [-600, 0, 600])
def test_a_lease_with_the_observed_version_is_taken_over_by_any_clock(
    backend: Backend, mine: Conversion, seconds: float
) -> None:
    backend.clock.advance(seconds)

    taken = backend.leases.claim(mine.id, "second", LEASE, mine.version, alone=True)

    assert taken
    assert (taken.attempts, taken.worker) == (2, "second")
    assert taken.version == mine.version + 1


def test_a_queued_conversion_is_claimed_whatever_version_was_observed(
    backend: Backend, queued: Conversion
) -> None:
    assert backend.leases.claim(queued.id, "first", LEASE, queued.version + 7)


def test_a_removed_or_unknown_conversion_cannot_be_claimed(
    backend: Backend, queued: Conversion
) -> None:
    backend.conversions.remove(queued.id, queued.owner)

    assert backend.leases.claim(queued.id, "first", LEASE) is None
    assert backend.leases.claim(new_id("conversion"), "first", LEASE) is None


def test_an_expired_conversion_cannot_be_claimed(backend: Backend, queued: Conversion) -> None:
    backend.clock.advance(DAY)

    assert backend.leases.claim(queued.id, "first", LEASE) is None


@pytest.mark.parametrize(
    "end",
    [WRITES["publish"], WRITES["fail"], LOSSES["cancelled"]],
    ids=["completed", "failed", "cancelled"],
)
def test_an_ended_conversion_cannot_be_claimed(
    backend: Backend, mine: Conversion, end: Write
) -> None:
    end(backend, mine)
    ended = backend.conversions.get(mine.id)

    assert backend.leases.claim(mine.id, "second", LEASE, ended.version, alone=True) is None
    assert backend.conversions.get(mine.id) == ended


def test_after_the_lease_another_worker_continues_at_the_same_percent(
    backend: Backend, mine: Conversion
) -> None:
    backend.leases.report(mine, ProgressReport(Phase.STORING, 40.0), LEASE)

    taken = take_over(backend, mine)

    assert (taken.attempts, taken.worker) == (2, "second")
    assert (taken.status, taken.phase, taken.percent) == (
        ConversionStatus.CONVERTING,
        Phase.PROBING,
        40.0,
    )
    assert taken.started_at == mine.started_at


def test_each_claim_counts_as_an_attempt(backend: Backend, mine: Conversion) -> None:
    assert [take_over(backend, mine, f"worker-{n}").attempts for n in range(3)] == [2, 3, 4]


@every_write
@every_loss
def test_a_worker_without_the_lease_cannot_write(
    backend: Backend, mine: Conversion, loss: Write, write: Write
) -> None:
    loss(backend, mine)
    before = backend.expired.read_many([mine.id]) and _raw(backend, mine)

    with pytest.raises(LeaseLost):
        write(backend, mine)

    assert (backend.expired.read_many([mine.id]) and _raw(backend, mine)) == before


def _raw(backend: Backend, conversion: Conversion) -> Any:
    """Return the item as it is stored, expired or not."""
    if conversion.expires_at > backend.clock():
        return backend.conversions.get(conversion.id)
    return [item for item in backend.expired.expired(backend.clock()) if item.id == conversion.id]


@every_write
def test_an_ended_lease_is_valid_until_another_worker_claims(
    backend: Backend, mine: Conversion, write: Write
) -> None:
    backend.clock.advance(LEASE + 100)

    write(backend, mine)

    assert backend.conversions.get(mine.id).version == mine.version + 1
