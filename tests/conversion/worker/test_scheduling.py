"""Test the choice of the next conversion for a free slot."""

import pytest

from libs.core.domain.conversions import Conversion, Phase
from libs.core.domain.uploads import UploadStatus
from tests.conversion.support import LEASE, ConversionEnvironment
from tests.fakes import an_output


def fill_slots(env: ConversionEnvironment, slots: int) -> list[str]:
    """Fill this many free slots, and return the owners of what they run."""
    owners = []
    for slot in range(slots):
        following = env.choose_next()
        if following is None:
            break
        version = following.version
        assert env.leases.claim(following.id, f"slot-{slot}", LEASE, version, alone=True)
        owners.append(following.owner)
    return owners


def test_a_session_with_a_hundred_does_not_starve_one_with_a_single_one(
    env: ConversionEnvironment,
) -> None:
    for _ in range(100):
        env.add_queued("anna")
    env.add_queued("ben")

    assert fill_slots(env, 2) == ["anna", "ben"]


def test_with_one_slot_a_single_one_begins_after_at_most_one_of_a_backlog(
    env: ConversionEnvironment,
) -> None:
    """No session runs anything when the slot becomes free, so the last turns decide."""
    for _ in range(50):
        env.add_queued("anna")
    env.add_queued("ben")
    order: list[str] = []

    for _ in range(4):
        chosen = env.choose_next()
        assert chosen
        claimed = env.leases.claim(chosen.id, "worker", LEASE)
        assert claimed
        env.clock.advance(1)
        env.leases.publish(claimed, an_output(claimed), ())
        order.append(chosen.owner)

    assert order == ["anna", "ben", "anna", "anna"]


def test_as_many_backlogs_as_slots_do_not_starve_a_third_session(
    env: ConversionEnvironment,
) -> None:
    for owner in ["anna", "ben"] * 20 + ["cleo"]:
        env.add_queued(owner)
    assert fill_slots(env, 2) == ["anna", "ben"]
    env.clock.advance(1)
    [first, _] = env.queue.in_phase(Phase.PROBING)
    env.leases.publish(first, an_output(first), ())

    chosen = env.choose_next()

    assert chosen
    assert chosen.owner == "cleo"


def test_slots_are_shared_evenly_between_sessions(env: ConversionEnvironment) -> None:
    for owner in ["anna"] * 6 + ["ben"] * 6 + ["cleo"] * 6:
        env.add_queued(owner)

    owners = fill_slots(env, 9)

    assert {owner: owners.count(owner) for owner in owners} == {"anna": 3, "ben": 3, "cleo": 3}


def test_within_a_session_the_oldest_goes_first(env: ConversionEnvironment) -> None:
    queued = [env.add_queued("anna") for _ in range(4)]
    order: list[Conversion] = []

    while following := env.choose_next():
        order.append(following)
        env.leases.claim(following.id, "worker", LEASE)

    assert [c.id for c in order] == [c.id for c in queued]


def test_slots_are_not_left_idle_for_fairness_sake(env: ConversionEnvironment) -> None:
    for _ in range(3):
        env.add_queued("anna")

    assert fill_slots(env, 5) == ["anna"] * 3


def test_a_conversion_whose_worker_died_comes_before_younger_ones(
    env: ConversionEnvironment,
) -> None:
    died = env.add_queued("anna")
    env.leases.claim(died.id, "killed", LEASE)
    env.add_queued("anna")
    env.add_queued("ben")

    env.expire_leases()

    following = env.choose_next()
    assert following
    assert following.id == died.id


def test_a_conversion_under_a_live_lease_is_nobody_elses(env: ConversionEnvironment) -> None:
    running = env.add_queued()
    env.leases.claim(running.id, "worker", LEASE)

    assert env.choose_next() is None


def test_a_dead_worker_takes_no_place_of_its_session(env: ConversionEnvironment) -> None:
    """Her stalled conversion does not count as running."""
    env.leases.claim(env.add_queued("anna").id, "killed", LEASE)
    env.expire_leases()
    older = env.add_queued("anna")
    env.add_queued("ben")

    assert fill_slots(env, 1) == ["anna"]
    assert env.current(older).status == "queued", "first the stalled one"


@pytest.mark.parametrize("state", ["waiting", "cancelled", "removed", "expired"])
def test_what_cannot_start_is_not_offered(env: ConversionEnvironment, state: str) -> None:
    if state == "waiting":
        upload, _ = env.start_upload()
        assert upload.status is UploadStatus.UPLOADING
    else:
        conversion = env.add_queued()
        if state == "cancelled":
            env.conversions.cancel(conversion.id, conversion.owner)
        elif state == "removed":
            env.conversions.remove(conversion.id, conversion.owner)
        else:
            env.clock.advance(10 * 24 * 3600)

    assert env.choose_next() is None


def test_suspects_let_others_go_first_when_it_is_not_their_turn(
    env: ConversionEnvironment,
) -> None:
    suspect = env.add_queued("anna")
    env.leases.claim(suspect.id, "killed", LEASE)
    env.expire_leases()
    other = env.add_queued("ben")

    assert [
        chosen and chosen.id for chosen in (env.choose_next(), env.choose_next(alone_last=True))
    ] == [suspect.id, other.id]
    env.conversions.cancel(other.id, other.owner)
    left = env.choose_next(alone_last=True)
    assert left
    assert left.id == suspect.id, "if there is no other, it need not wait"


def test_what_only_a_newer_version_can_run_holds_up_nobody(env: ConversionEnvironment) -> None:
    newer = env.add_queued("anna", unsupported=("option reverb",))
    ordinary = env.add_queued("anna")

    chosen = env.choose_next()

    assert chosen
    assert chosen.id == ordinary.id
    assert env.leases.claim(newer.id, "worker", LEASE) is None
    assert env.current(newer) == newer, "it is neither claimed nor failed"
