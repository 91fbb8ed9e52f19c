"""Give slots for parts to clients that are slow, stall, or share them with others."""

from collections import Counter
from contextlib import suppress

import anyio
import pytest

from libs.core.errors import RateLimited
from services.upload import part_slots
from services.upload.part_slots import PartSlot, PartSlots
from tests.virtual_time import run_in_virtual_time

HOME = "192.0.2.1"
"""The address of clients that share one."""
ELSEWHERE = "192.0.2.2"


async def hold(limiter: PartSlots, owner: str, ends: list[str], name: str) -> None:
    """Hold a slot for a sender that sends nothing, until it is taken away."""
    try:
        async with limiter.acquire(owner, HOME) as slot:
            with slot.waiting():
                await anyio.sleep_forever()
    except RateLimited:
        ends.append(name)


async def send(
    limiter: PartSlots, owner: str, rate: int, got: list[str], address: str = HOME
) -> None:
    """Hold a slot for a sender of this rate, in bytes a second."""
    with suppress(RateLimited):
        async with limiter.acquire(owner, address) as slot:
            got.append(owner)
            while True:
                with slot.waiting():
                    await anyio.sleep(0.1)
                slot.add_bytes(rate // 10)


def test_a_silent_sender_loses_its_slot_to_the_next() -> None:
    async def test() -> None:
        limiter, ends = PartSlots(2), list[str]()
        async with anyio.create_task_group() as tasks:
            for name in ("first", "second"):
                tasks.start_soon(hold, limiter, "slow", ends, name)
            await anyio.sleep(0)
            async with limiter.acquire("bystander", HOME):
                tasks.cancel_scope.cancel()
        assert len(ends) == 1, "as many as were needed"

    run_in_virtual_time(test)


def test_a_silent_sender_keeps_its_slot_while_nobody_waits() -> None:
    async def test() -> None:
        limiter, ends = PartSlots(1), list[str]()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hold, limiter, "slow", ends, "first")
            await anyio.sleep(4)
            assert ends == []
            tasks.cancel_scope.cancel()

    run_in_virtual_time(test)


def test_a_bystander_waits_for_one_eviction_however_many_senders_are_silent() -> None:
    async def test() -> None:
        limiter, ends = PartSlots(4), list[str]()
        async with anyio.create_task_group() as tasks:
            for number in range(100):
                tasks.start_soon(hold, limiter, "attacker", ends, str(number))
            await anyio.sleep(0)
            async with limiter.acquire("bystander", HOME):
                assert len(ends) <= 4
            tasks.cancel_scope.cancel()

    run_in_virtual_time(test)


def test_the_older_half_of_the_slots_is_kept_for_slow_senders() -> None:
    async def test() -> None:
        limiter, got = PartSlots(2), list[str]()
        async with anyio.create_task_group() as tasks:
            for owner in ("old", "young"):
                tasks.start_soon(send, limiter, owner, 20_000, got)
            await anyio.sleep(0)
            async with limiter.acquire("bystander", HOME):
                assert [slot.owner for slot in limiter._held] == ["old", "bystander"]
            tasks.cancel_scope.cancel()

    run_in_virtual_time(test)


def test_a_sender_that_drips_loses_also_an_older_slot() -> None:
    async def test() -> None:
        limiter, got = PartSlots(2), list[str]()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send, limiter, "drips", 100, got)
            tasks.start_soon(send, limiter, "fast", 1_000_000, got)
            await anyio.sleep(0)
            async with limiter.acquire("bystander", HOME):
                assert [slot.owner for slot in limiter._held] == ["fast", "bystander"]
            tasks.cancel_scope.cancel()

    run_in_virtual_time(test)


def test_storage_that_is_slow_is_not_the_senders_fault() -> None:
    async def test() -> None:
        limiter = PartSlots(1)
        async with limiter.acquire("anna", HOME) as slot:
            slot.add_bytes(1)
            await anyio.sleep(4)
            assert slot.rate == float("inf")

    run_in_virtual_time(test)


def test_an_evicted_sender_is_told_when_it_waits_for_bytes_again() -> None:
    async def test() -> None:
        slot = PartSlot("anna", HOME)
        slot.evict()
        with pytest.raises(RateLimited) as refused, slot.waiting():
            await anyio.sleep_forever()
        assert refused.value.context["retry_after"] > 0

    run_in_virtual_time(test)


def test_a_request_that_gives_up_waiting_leaves_no_gap() -> None:
    async def test() -> None:
        limiter = PartSlots(1)
        async with limiter.acquire("anna", HOME):
            with anyio.move_on_after(0.05):
                async with limiter.acquire("bert", HOME):
                    raise AssertionError("there was no free slot")
        async with limiter.acquire("carl", HOME):
            assert [slot.owner for slot in limiter._held] == ["carl"]

    run_in_virtual_time(test)


@pytest.mark.parametrize(
    ("owner", "address"),
    [("anna", "the same"), ("anna {}", "attacker")],
    ids=["session", "address"],
)
def test_nobody_keeps_all_slots_by_sending_just_fast_enough(owner: str, address: str) -> None:
    async def test() -> None:
        limiter, got = PartSlots(4), list[str]()
        bystander = "the same" if address == "the same" else "bystander"
        async with anyio.create_task_group() as tasks:
            for number in range(40):
                own = owner.format(number)
                tasks.start_soon(send, limiter, own, 8 * part_slots.MIN_RATE, got, address)
            await anyio.sleep(0)
            async with limiter.acquire("bystander", bystander), limiter.acquire("b", bystander):
                assert len(got) == 4, "only so many as the bystander needed lost their slots"
            tasks.cancel_scope.cancel()

    run_in_virtual_time(test)


def test_many_sessions_of_an_address_take_no_slot_of_another_one() -> None:
    async def test() -> None:
        limiter, got = PartSlots(4), list[str]()
        senders = [("anna", HOME), ("anna", HOME), ("bert", "of bert"), ("carl", "of bert")]
        async with anyio.create_task_group() as tasks:
            for owner, address in senders:
                tasks.start_soon(send, limiter, owner, 8 * part_slots.MIN_RATE, got, address)
            await anyio.sleep(0)
            with anyio.move_on_after(0.3):
                async with limiter.acquire("dora", "of bert"):
                    raise AssertionError("a third slot for one of two addresses")
            tasks.cancel_scope.cancel()

    run_in_virtual_time(test)


def test_a_share_is_kept_by_slow_senders() -> None:
    async def test() -> None:
        limiter, got = PartSlots(4), list[str]()
        async with anyio.create_task_group() as tasks:
            for owner in ("anna", "bert"):
                for _ in range(2):
                    tasks.start_soon(
                        send, limiter, owner, 8 * part_slots.MIN_RATE, got, f"of {owner}"
                    )
            await anyio.sleep(0)
            with anyio.move_on_after(0.3):
                async with limiter.acquire("anna", "of anna"):
                    raise AssertionError("a third slot for one of two")
            tasks.cancel_scope.cancel()

    run_in_virtual_time(test)


def test_a_sender_is_given_a_second_for_its_part() -> None:
    async def test() -> None:
        limiter, got = PartSlots(2), list[str]()
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(send, limiter, "anna", 0, got)
            await anyio.sleep(0)
            with anyio.move_on_after(part_slots.GRACE_PERIOD):
                async with limiter.acquire("bystander", HOME):
                    raise AssertionError("the slot of a sender that may be fast")
            tasks.cancel_scope.cancel()

    run_in_virtual_time(test)


@pytest.mark.parametrize("rate", [part_slots.MIN_RATE, 2**20, 2**27])
def test_no_rate_keeps_more_slots_than_a_share_for_long(rate: int) -> None:
    """Senders of 1 MiB a second kept theirs until they had sent 16 MiB, and began again."""

    async def test() -> None:
        limiter, got = PartSlots(2), list[str]()
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(send, limiter, "anna", rate, got)
            await anyio.sleep(0)
            with anyio.fail_after(part_slots.GRACE_PERIOD + 2 * part_slots.EVICT_EVERY):
                async with limiter.acquire("bystander", HOME):
                    assert [slot.owner for slot in limiter._held] == ["anna", "bystander"]
            tasks.cancel_scope.cancel()

    run_in_virtual_time(test)


def test_one_address_leaves_slots_to_others() -> None:
    """Others had to wait until the next silent sender was known to be slow, and lost its slot."""

    async def test() -> None:
        limiter, ends = PartSlots(16), list[str]()
        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(hold, limiter, "slow", ends, str(number))
            await anyio.sleep(part_slots.GRACE_PERIOD / 2)
            for _ in range(2):
                tasks.start_soon(send, limiter, "bystander", 1024, ends, ELSEWHERE)
            await anyio.sleep(0)
            assert Counter(slot.address for slot in limiter._held) == {HOME: 14, ELSEWHERE: 2}
            tasks.cancel_scope.cancel()

    run_in_virtual_time(test)


def test_a_slow_sender_of_another_address_keeps_its_slot_while_some_are_free() -> None:
    async def test() -> None:
        limiter, ends, got = PartSlots(16), list[str](), list[str]()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send, limiter, "slow", 10, ends, ELSEWHERE)
            for _ in range(20):
                tasks.start_soon(send, limiter, "anna", 2**20, got)
            await anyio.sleep(10)
            assert [slot.owner for slot in limiter._held].count("slow") == 1
            tasks.cancel_scope.cancel()
        assert ends == ["slow"], "it did not begin again"

    run_in_virtual_time(test)


def test_one_timer_evicts_however_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waiting request once judged by itself: 4,000 of them took all of the processor."""
    judged = list[int]()
    monkeypatch.setattr(PartSlots, "_evict_slow", lambda limiter: judged.append(1))

    async def test() -> None:
        limiter, got = PartSlots(1), list[str]()
        async with anyio.create_task_group() as tasks:
            for _ in range(200):
                tasks.start_soon(send, limiter, "anna", 1, got)
            while len(judged) < 5:
                await anyio.sleep(part_slots.EVICT_EVERY)
            assert len(judged) < 50
            tasks.cancel_scope.cancel()

    run_in_virtual_time(test)
