"""Call the stores from many threads at once: nothing is lost, and exactly one caller wins."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Barrier
from typing import Any

import pytest

from libs.core.domain.conversions import Conversion, ConversionStatus, Phase
from libs.core.domain.uploads import MIB, Failure, Upload
from libs.core.errors import ConversionFinished, LeaseLost
from libs.core.ports.leases import ProgressReport
from tests.contracts.backend import Backend
from tests.fakes import a_conversion, an_output, an_upload

LEASE = 30.0


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Start all calls at the same moment, and return what each returned or raised."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return call()
        except (ConversionFinished, LeaseLost) as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_parts_added_at_once_are_all_recorded(backend: Backend, owner: str) -> None:
    upload = an_upload(owner, backend.clock(), size=24 * 5 * MIB)
    backend.uploads.create(upload, [])

    seen = at_once(*[lambda n=n: backend.uploads.add_parts(upload.id, n) for n in range(1, 25)])

    now = backend.uploads.get(upload.id)
    assert now.completed_parts == set(range(1, 25))
    assert sorted(each.version for each in seen) == list(range(2, 26))
    assert now.version == 25


def test_versions_order_the_parts_that_were_added_at_once(backend: Backend, owner: str) -> None:
    upload = an_upload(owner, backend.clock(), size=8 * 5 * MIB)
    backend.uploads.create(upload, [])

    seen = at_once(*[lambda n=n: backend.uploads.add_parts(upload.id, n) for n in range(1, 9)])

    by_version = sorted(seen, key=lambda each: each.version)
    assert all(
        older.completed_parts < newer.completed_parts for older, newer in pairwise(by_version)
    )


@pytest.mark.parametrize("seed", range(20))
def test_no_conversion_waits_after_its_upload_completed(
    backend: Backend, upload: Upload, seed: int
) -> None:
    """Whichever call comes second queues the conversion."""
    conversions = [a_conversion(upload) for _ in range(3)]

    def arrive() -> None:
        for conversion_id in backend.uploads.mark_uploaded(upload.id).conversions:
            backend.conversions.queue(conversion_id)

    calls: list[Callable[[], Any]] = [
        lambda c=c: backend.conversions.create(c, upload)  # type: ignore[misc]  # c=c
        for c in conversions
    ]
    calls.insert(seed % 4, arrive)
    at_once(*calls)

    assert [backend.conversions.get(c.id).phase for c in conversions] == [Phase.QUEUED] * 3
    assert set(backend.uploads.get(upload.id).conversions) == {c.id for c in conversions}


def test_a_conversion_created_many_times_at_once_exists_once(
    backend: Backend, upload: Upload
) -> None:
    asked = a_conversion(upload)

    created = at_once(*[lambda: backend.conversions.create(asked, upload) for _ in range(8)])

    assert created == [asked] * 8
    assert backend.uploads.get(upload.id).conversions == (asked.id,)


def test_exactly_one_worker_claims_a_conversion(backend: Backend, queued: Conversion) -> None:
    claims = at_once(
        *[lambda n=n: backend.leases.claim(queued.id, f"worker-{n}", LEASE) for n in range(10)]
    )

    [won] = [claim for claim in claims if claim]
    assert backend.conversions.get(queued.id) == won
    assert won.attempts == 1


@pytest.mark.parametrize("seed", range(20))
def test_a_conversion_ends_in_one_way_only(backend: Backend, queued: Conversion, seed: int) -> None:
    mine = backend.leases.claim(queued.id, "worker", LEASE)
    assert mine
    calls: list[Callable[[], Any]] = [
        lambda: backend.conversions.cancel(mine.id, mine.owner),
        lambda: backend.leases.publish(mine, an_output(mine), ()),
        lambda: backend.leases.fail(mine, Failure("internal", "It broke.")),
        lambda: backend.leases.report(mine, ProgressReport(Phase.STORING, 99.0), LEASE),
    ]

    results = at_once(*calls[seed % 4 :], *calls[: seed % 4])

    [won] = [each for each in results if isinstance(each, Conversion)]
    now = backend.conversions.get(mine.id)
    assert now == won
    assert (now.output is not None) == (now.status is ConversionStatus.COMPLETED)
    assert (now.error is not None) == (now.status is ConversionStatus.FAILED)


@pytest.mark.parametrize("seed", range(20))
def test_a_zombie_and_its_successor_never_both_publish(
    backend: Backend, queued: Conversion, seed: int
) -> None:
    zombie = backend.leases.claim(queued.id, "zombie", LEASE)
    assert zombie

    def take_over() -> Conversion | None:
        successor = backend.leases.claim(zombie.id, "successor", LEASE, zombie.version, alone=True)
        if successor is None:
            return None
        return backend.leases.publish(successor, an_output(successor), ())

    calls: list[Callable[[], Any]] = [
        take_over,
        lambda: backend.leases.publish(zombie, an_output(zombie), ()),
    ]
    results = at_once(*calls[seed % 2 :], *calls[: seed % 2])

    [published] = [each for each in results if isinstance(each, Conversion)]
    assert backend.conversions.get(queued.id) == published
