"""Test that no client takes all slots for copies."""

from contextlib import ExitStack

from services.upload.copy_slots import COPIES_AT_ONCE, COPIES_OF_CLIENT, CopySlots


def test_one_client_leaves_slots_to_others() -> None:
    slots = CopySlots()
    with ExitStack() as held:
        for _ in range(COPIES_OF_CLIENT):
            assert held.enter_context(slots.hold("anna"))

        with slots.hold("anna") as is_held:
            assert not is_held
        with slots.hold("bert") as is_held:
            assert is_held


def test_all_clients_together_have_only_so_many_slots() -> None:
    slots = CopySlots()
    with ExitStack() as held:
        for number in range(COPIES_AT_ONCE):
            assert held.enter_context(slots.hold(f"client {number}"))

        with slots.hold("another") as is_held:
            assert not is_held


def test_slots_are_given_back() -> None:
    slots = CopySlots()
    for _ in range(3 * COPIES_AT_ONCE):
        with slots.hold("anna") as is_held:
            assert is_held
    assert not slots._held
