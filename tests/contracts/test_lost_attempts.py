"""Test what a lost attempt says about its file, by its stored loss meaning."""

import pytest

from libs.core.domain.conversions import Conversion, LossMeaning
from tests.contracts.aws import AwsBackend
from tests.contracts.backend import Backend
from tests.contracts.leases import LEASE, claim, take_over
from tests.fakes import a_conversion, an_upload


def counts(conversion: Conversion) -> tuple[int, int, int, bool]:
    return conversion.attempts, conversion.unblamed_count, conversion.yielded, conversion.suspect


def test_an_attempt_lost_beside_others_makes_it_suspect_but_does_not_count(
    backend: Backend, mine: Conversion
) -> None:
    assert mine.loss_meaning is LossMeaning.SHARED

    taken = take_over(backend, mine)

    assert counts(taken) == (2, 1, 0, True)
    assert taken.loss_meaning is LossMeaning.ALONE


def test_an_attempt_lost_alone_counts(backend: Backend, queued: Conversion) -> None:
    alone = backend.leases.claim(queued.id, "first", LEASE, alone=True)
    assert alone

    assert counts(take_over(backend, alone)) == (2, 0, 0, True)


def test_an_attempt_lost_while_its_worker_was_leaving_says_nothing(
    backend: Backend, mine: Conversion
) -> None:
    backend.leases.set_loss_meaning(mine, LossMeaning.LEAVING)
    version = backend.conversions.get(mine.id).version

    taken = backend.leases.claim(mine.id, "second", LEASE, version)

    assert taken, "it need not run alone"
    assert counts(taken) == (2, 1, 1, False)
    assert taken.loss_meaning is LossMeaning.SHARED


def test_a_suspect_is_claimed_only_by_a_worker_that_runs_it_alone(
    backend: Backend, mine: Conversion
) -> None:
    version = backend.conversions.get(mine.id).version
    assert backend.leases.claim(mine.id, "second", LEASE, version) is None
    backend.leases.release(take_over(backend, mine))

    assert backend.leases.claim(mine.id, "second", LEASE) is None
    assert backend.leases.claim(mine.id, "second", LEASE, alone=True)


@pytest.mark.parametrize("yielded", [True, False])
def test_a_release_ends_the_loss_meaning(backend: Backend, mine: Conversion, yielded: bool) -> None:
    backend.leases.release(mine, yielded=yielded)

    released = backend.conversions.get(mine.id)
    assert counts(released) == (1, 1, int(yielded), False)
    assert released.loss_meaning is None
    assert counts(claim(backend, mine)) == (2, 1, int(yielded), False)


def test_a_worker_of_an_earlier_version_leaves_no_false_loss_meaning_behind(
    aws_backend: AwsBackend, owner: str
) -> None:
    """Its claim increments `attempts` only, and keeps what it does not know."""
    backend = aws_backend
    upload = an_upload(owner, backend.clock())
    backend.uploads.create(upload, [])
    queued = backend.conversions.create(
        a_conversion(upload), backend.uploads.mark_uploaded(upload.id)
    )
    assert backend.leases.claim(queued.id, "first", LEASE, alone=True)
    item = backend.table.get(queued.id)
    assert item
    backend.connection.dynamodb.put_item(
        TableName=backend.table.name, Item={**item, "attempts": 2, "worker": "earlier"}
    )

    found = backend.conversions.get(queued.id)
    assert found.loss_meaning is None
    assert counts(take_over(backend, found)) == (3, 1, 0, True)


def test_the_counts_have_the_attributes_that_earlier_versions_read(
    aws_backend: AwsBackend, owner: str
) -> None:
    """Both versions decide by them whether a file has had all its attempts."""
    backend = aws_backend
    upload = an_upload(owner, backend.clock())
    backend.uploads.create(upload, [])
    queued = backend.conversions.create(
        a_conversion(upload), backend.uploads.mark_uploaded(upload.id)
    )
    first = claim(backend, queued)
    backend.leases.release(first, yielded=True)
    second = claim(backend, queued)
    backend.leases.set_loss_meaning(second, LossMeaning.LEAVING)
    third = take_over(backend, backend.conversions.get(queued.id))

    item = backend.table.get(queued.id)

    assert item
    assert (item["released"], item["handed_over"]) == (2, 2)
    assert (third.unblamed_count, third.yielded) == (2, 2)
