"""Test that no client takes all slots for copies."""

import threading
from contextlib import ExitStack

from services.upload.copy_slots import (
    BUFFERS,
    BUFFERS_OF_CLIENT,
    COPIES_AT_ONCE,
    COPIES_OF_CLIENT,
    CopySlots,
)


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


def wait_for_buffer(slots: CopySlots, client: str) -> tuple[threading.Thread, threading.Event]:
    """Start a thread that takes a buffer. The event tells that it has got one."""
    got = threading.Event()

    def take() -> None:
        with slots.buffer(client):
            got.set()

    thread = threading.Thread(target=take)
    thread.start()
    return thread, got


def test_one_client_leaves_buffers_to_others() -> None:
    slots = CopySlots()
    with ExitStack() as held:
        for _ in range(BUFFERS_OF_CLIENT):
            held.enter_context(slots.buffer("anna"))
        thread, got = wait_for_buffer(slots, "anna")
        for _ in range(BUFFERS - BUFFERS_OF_CLIENT):
            held.enter_context(slots.buffer("bert"))
        assert not got.is_set()
    assert got.wait(20)
    thread.join()
    assert not slots._buffers


def test_all_clients_together_have_only_so_many_buffers() -> None:
    slots = CopySlots()
    with ExitStack() as held:
        for number in range(BUFFERS):
            held.enter_context(slots.buffer(f"client {number}"))
        thread, got = wait_for_buffer(slots, "another")
        assert not slots._has_buffer("another")
        assert not got.is_set()
    assert got.wait(20)
    thread.join()
