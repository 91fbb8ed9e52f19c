"""Test that refusals of one address leave time for the requests of others."""

from collections import Counter

import anyio
import pytest

from libs.core import address_semaphore
from libs.core.address_semaphore import MAX_WAITING
from libs.core.descriptors import MAX_DESCRIPTORS, RESERVED
from libs.core.web.concurrency import AT_ONCE, LONGEST_REFUSAL, REFUSALS_PER_SECOND
from tests.core.test_concurrency import Application
from tests.virtual_time import run_in_virtual_time


def test_so_many_requests_of_an_address_are_refused_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """2,500 connections were refused as fast as they asked, and nobody else was answered."""
    monkeypatch.setattr(address_semaphore, "MAX_WAITING", 0)

    async def test() -> None:
        app, refused = Application(), Counter[int]()
        end = 10

        async def ask_again_and_again() -> None:
            while anyio.current_time() < end:
                assert await app.request("flooder") == 429
                refused[int(anyio.current_time())] += 1

        async with anyio.create_task_group() as group:
            for _ in range(AT_ONCE):
                group.start_soon(app.request, "flooder")
            await anyio.sleep(0.01)
            for _ in range(5 * REFUSALS_PER_SECOND):
                group.start_soon(ask_again_and_again)
            await anyio.sleep(0.01)
            group.start_soon(app.request, "bystander")
            await anyio.sleep(0.01)
            assert app.running == {"flooder": AT_ONCE, "bystander": 1}
            await anyio.sleep(2 * end)
            app.may_end.set()

        assert all(count <= 1.1 * REFUSALS_PER_SECOND for count in refused.values())
        assert min(refused.values()) >= 1, "and each has its turn"
        assert app.is_idle()

    run_in_virtual_time(test)


def test_no_refusal_waits_longer_than_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_semaphore, "MAX_WAITING", 0)

    async def test() -> None:
        app = Application()
        async with anyio.create_task_group() as group:
            for _ in range(AT_ONCE):
                group.start_soon(app.request, "flooder")
            await anyio.sleep(0.01)
            async with anyio.create_task_group() as refusals:
                for _ in range(5 * int(LONGEST_REFUSAL) * REFUSALS_PER_SECOND):
                    refusals.start_soon(app.request, "flooder")
            assert anyio.current_time() <= LONGEST_REFUSAL + 1
            app.may_end.set()

    run_in_virtual_time(test)


def test_an_address_never_has_more_than_so_many_requests_open() -> None:
    """Requests that were refused after 30 s took all connections, and nobody else got one."""

    async def test() -> None:
        app, opened, most = Application(), 0, 0

        async def ask() -> None:
            nonlocal opened
            opened += 1
            await app.request("flooder")
            opened -= 1

        async with anyio.create_task_group() as group:
            for _ in range(int(LONGEST_REFUSAL) + 5):
                for _ in range(290):
                    group.start_soon(ask)
                await anyio.sleep(0.5)
                most = max(most, opened)
                await anyio.sleep(0.5)
            group.start_soon(app.request, "bystander")
            await anyio.sleep(0.5)
            assert app.running == {"flooder": AT_ONCE, "bystander": 1}
            app.may_end.set()

        assert MAX_WAITING < most < (MAX_DESCRIPTORS - RESERVED) / 5
        assert app.is_idle()

    run_in_virtual_time(test)
