"""Test that requests of one address wait for each other, and nobody for those of another."""

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from libs.core.errors import RateLimited
from libs.core.web.concurrency import (
    AT_ONCE,
    COSTLY_AT_ONCE,
    MAX_BODIES,
    MAX_WAITING,
    LimitConcurrency,
    RequestPermit,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Application:
    """Count the requests of each address that are being handled, until they may end."""

    def __init__(self) -> None:
        self.running: dict[str, int] = {}
        self.order: list[int] = []
        self.may_end = anyio.Event()
        self.permits: list[RequestPermit] = []
        self._limit = LimitConcurrency()

    async def handle(self, scope: Any, _receive: Any, _send: Any) -> None:
        address = scope["session"].address
        self.running[address] = self.running.get(address, 0) + 1
        self.order.append(scope["number"])
        if permit := scope.get("permit"):
            self.permits.append(permit)
            if scope["route_handler"].opt.get("waits_for_client"):
                permit.release()
        try:
            await self.may_end.wait()
        finally:
            self.running[address] -= 1

    async def request(self, address: str, number: int = 0, **options: int) -> None:
        scope: Any = {
            "session": SimpleNamespace(address=address),
            "route_handler": SimpleNamespace(opt=options),
            "number": number,
        }
        nothing: Any = None
        await self._limit.handle(scope, nothing, nothing, self.handle)

    def is_idle(self) -> bool:
        limit = self._limit
        return not (limit._usual or limit._costly or limit._counts)


async def settled() -> None:
    await anyio.wait_all_tasks_blocked()


async def refused(call: Awaitable[None]) -> bool:
    try:
        await call
    except RateLimited as error:
        return bool(error.context["retry_after"] == 1)
    return False


async def test_so_many_of_an_address_are_handled_at_once_in_the_order_they_came() -> None:
    app = Application()
    async with anyio.create_task_group() as group:
        for number in range(3 * AT_ONCE):
            group.start_soon(app.request, "flooder", number)
            await settled()
        assert app.running == {"flooder": AT_ONCE}

        group.start_soon(app.request, "bystander")
        await settled()
        assert app.running["bystander"] == 1
        app.may_end.set()

    assert [n for n in app.order if n] == list(range(1, 3 * AT_ONCE))
    assert app.is_idle()


async def test_requests_that_wait_for_their_client_are_not_counted() -> None:
    app = Application()
    async with anyio.create_task_group() as group:
        for _ in range(3 * AT_ONCE):
            group.start_soon(lambda: app.request("listener", waits_for_client=True))
        await settled()
        assert app.running == {"listener": 3 * AT_ONCE}
        app.may_end.set()
    assert app.is_idle()


async def test_fewer_costly_requests_of_an_address_are_handled_at_once() -> None:
    app = Application()

    async def list_everything(address: str) -> None:
        await app.request(address, is_costly=True)

    async with anyio.create_task_group() as group:
        for _ in range(2 * COSTLY_AT_ONCE):
            group.start_soon(list_everything, "flooder")
        await settled()
        assert app.running == {"flooder": COSTLY_AT_ONCE}

        for address in ("flooder", "bystander"):
            group.start_soon(app.request, address)
        group.start_soon(list_everything, "bystander")
        await settled()
        assert app.running == {"flooder": COSTLY_AT_ONCE + 1, "bystander": 2}
        app.may_end.set()
    assert app.is_idle()


async def test_a_request_that_turns_out_to_be_costly_waits_again() -> None:
    app = Application()
    async with anyio.create_task_group() as group:
        for _ in range(COSTLY_AT_ONCE + 1):
            group.start_soon(app.request, "flooder")
        await settled()
        began: list[RequestPermit] = []

        async def become_costly(permit: RequestPermit) -> None:
            await permit.acquire_costly()
            began.append(permit)

        for permit in app.permits:
            group.start_soon(become_costly, permit)
        await settled()
        assert began == app.permits[:COSTLY_AT_ONCE]

        began[0].release()
        await settled()
        assert began == app.permits
        app.may_end.set()
    assert app.is_idle()


async def test_a_request_that_needs_no_permit_never_waits() -> None:
    app = Application()
    async with anyio.create_task_group() as group:
        for _ in range(AT_ONCE):
            group.start_soon(app.request, "prober")
        group.start_soon(lambda: app.request("prober", needs_no_permit=True))
        await settled()
        assert app.running == {"prober": AT_ONCE + 1}
        app.may_end.set()


async def test_no_more_than_so_many_bodies_of_an_address_are_received_at_once() -> None:
    app = Application()

    async def send_body(address: str) -> None:
        await app.request(address, max_per_address=MAX_BODIES, waits_for_client=True)

    async with anyio.create_task_group() as group:
        for _ in range(MAX_BODIES):
            group.start_soon(send_body, "flooder")
        await settled()

        assert await refused(send_body("flooder"))
        group.start_soon(send_body, "bystander")
        await settled()
        assert app.running == {"flooder": MAX_BODIES, "bystander": 1}
        app.may_end.set()
    assert app.is_idle()


async def test_no_more_than_so_many_wait() -> None:
    app = Application()
    async with anyio.create_task_group() as group:
        for _ in range(AT_ONCE + MAX_WAITING):
            group.start_soon(app.request, "flooder")
        await settled()

        assert await refused(app.request("flooder"))
        app.may_end.set()
    assert app.is_idle()


@pytest.mark.parametrize("end", [lambda scope, app: scope.cancel(), lambda scope, app: None])
async def test_one_that_gives_up_waiting_leaves_its_place(
    end: Callable[[anyio.CancelScope, Application], None],
) -> None:
    app = Application()
    async with anyio.create_task_group() as group:
        for _ in range(AT_ONCE):
            group.start_soon(app.request, "flooder")
        await settled()
        async with anyio.create_task_group() as waiting:
            waiting.start_soon(app.request, "flooder")
            await settled()
            end(waiting.cancel_scope, app)
            app.may_end.set()
    assert app.is_idle()
