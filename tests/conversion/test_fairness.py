"""Which conversion a free slot takes: fair between sessions, oldest first within one, and nothing is forgotten."""

import pytest

from libs.core.domain.conversions import Conversion
from libs.core.domain.uploads import UploadStatus
from tests.conversion.support import LEASE, World


def started(world: World, slots: int) -> list[str]:
    """Whose conversions so many free slots begin."""
    owners = []
    for slot in range(slots):
        following = world.following()
        if following is None:
            break
        assert world.leases.claim(following.id, f"slot-{slot}", LEASE)
        owners.append(following.owner)
    return owners


def test_a_session_with_a_hundred_does_not_starve_one_with_a_single_one(world: World) -> None:
    for _ in range(100):
        world.queued("anna")
    world.queued("ben")

    assert started(world, 2) == ["anna", "ben"]


def test_slots_are_shared_evenly_between_sessions(world: World) -> None:
    for owner in ["anna"] * 6 + ["ben"] * 6 + ["cleo"] * 6:
        world.queued(owner)

    owners = started(world, 9)

    assert {owner: owners.count(owner) for owner in owners} == {"anna": 3, "ben": 3, "cleo": 3}


def test_within_a_session_the_oldest_goes_first(world: World) -> None:
    queued = [world.queued("anna") for _ in range(4)]
    order: list[Conversion] = []

    while following := world.following():
        order.append(following)
        world.leases.claim(following.id, "worker", LEASE)

    assert [c.id for c in order] == [c.id for c in queued]


def test_slots_are_not_left_idle_for_fairness_sake(world: World) -> None:
    for _ in range(3):
        world.queued("anna")

    assert started(world, 5) == ["anna"] * 3


def test_a_conversion_whose_worker_died_comes_before_younger_ones(world: World) -> None:
    died = world.queued("anna")
    world.leases.claim(died.id, "killed", LEASE)
    world.queued("anna")
    world.queued("ben")

    world.lease_ends()

    following = world.following()
    assert following
    assert following.id == died.id


def test_a_conversion_under_a_live_lease_is_nobody_elses(world: World) -> None:
    running = world.queued()
    world.leases.claim(running.id, "worker", LEASE)

    assert world.following() is None


def test_a_dead_worker_takes_no_place_of_its_session(world: World) -> None:
    """What anna's dead worker held does not count as running: her next one has the same right as ben's."""
    world.leases.claim(world.queued("anna").id, "killed", LEASE)
    world.lease_ends()
    older = world.queued("anna")
    world.queued("ben")

    assert started(world, 1) == ["anna"]
    assert world.now(older).status == "queued", "first the abandoned one"


@pytest.mark.parametrize("state", ["waiting", "cancelled", "removed", "expired"])
def test_what_cannot_start_is_not_offered(world: World, state: str) -> None:
    if state == "waiting":
        upload, _ = world.begun()
        assert upload.status is UploadStatus.UPLOADING
    else:
        conversion = world.queued()
        if state == "cancelled":
            world.conversions.cancel(conversion.id, conversion.owner)
        elif state == "removed":
            world.conversions.remove(conversion.id, conversion.owner)
        else:
            world.clock.advance(10 * 24 * 3600)

    assert world.following() is None
