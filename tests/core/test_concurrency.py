"""Test that requests of one address wait for each other, and nobody for those of another."""

from collections.abc import Callable, Iterable
from typing import Any

import anyio
import pytest

from libs.core.address_semaphore import MAX_WAITING
from libs.core.web.concurrency import (
    AT_ONCE,
    COSTLY_AT_ONCE,
    MAX_BODIES,
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
        permit, options = scope["permit"], scope["options"]
        await permit.follow(options)
        address = permit.address
        self.running[address] = self.running.get(address, 0) + 1
        self.order.append(scope["number"])
        self.permits.append(permit)
        if options.get("waits_for_client"):
            permit.release()
        try:
            if not self.may_end.is_set():
                await self.may_end.wait()
        finally:
            self.running[address] -= 1

    async def request(
        self,
        address: str,
        number: int = 0,
        path: str = "/",
        headers: Iterable[tuple[bytes, bytes]] = (),
        **options: int,
    ) -> int | None:
        """Return the status of a refusal, and None for a request that was handled."""
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope: Any = {
            "type": "http",
            "method": "GET",
            "path": path,
            "client": (address, 1),
            "headers": list(headers),
            "options": options,
            "number": number,
        }
        nothing: Any = None
        await self._limit.handle(scope, nothing, send, self.handle)
        return sent[0]["status"] if sent else None

    def is_idle(self) -> bool:
        limit = self._limit
        return not (limit._usual or limit._costly or limit._counts or limit._open)


async def settled() -> None:
    await anyio.wait_all_tasks_blocked()


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


async def test_a_request_that_is_no_longer_costly_leaves_its_place_to_others() -> None:
    app = Application()
    async with anyio.create_task_group() as group:
        for _ in range(COSTLY_AT_ONCE + 1):
            group.start_soon(lambda: app.request("flooder", is_costly=True))
        await settled()
        assert app.running == {"flooder": COSTLY_AT_ONCE}

        first = app.permits[0]
        first.become_usual()
        first.become_usual()
        await settled()
        assert app.running == {"flooder": COSTLY_AT_ONCE + 1}

        for _ in range(AT_ONCE):
            group.start_soon(app.request, "flooder")
        await settled()
        assert app.running == {"flooder": COSTLY_AT_ONCE + AT_ONCE}, "it holds a usual permit"
        app.may_end.set()
    assert app.is_idle()


async def test_a_request_that_has_ended_gets_no_permit() -> None:
    app = Application()
    app.may_end.set()
    await app.request("flooder", is_costly=True)

    app.permits[0].become_usual()

    assert app.is_idle()


async def test_a_request_stays_costly_while_no_usual_permit_is_free() -> None:
    app = Application()
    async with anyio.create_task_group() as group:
        for _ in range(COSTLY_AT_ONCE + 1):
            group.start_soon(lambda: app.request("flooder", is_costly=True))
        await settled()
        for _ in range(AT_ONCE):
            group.start_soon(app.request, "flooder")
        await settled()

        app.permits[0].become_usual()
        await settled()
        assert app.running == {"flooder": COSTLY_AT_ONCE + AT_ONCE}
        app.may_end.set()
    assert app.is_idle()


async def test_only_a_probe_that_no_proxy_sends_needs_no_permit() -> None:
    app = Application()
    for_somebody = ((b"x-forwarded-for", b"192.0.2.1"),)
    async with anyio.create_task_group() as group:
        for _ in range(AT_ONCE):
            group.start_soon(app.request, "prober")
        for path, headers in [
            ("/health/live", ()),
            ("/health/live", for_somebody),
            ("/health/ready", ()),
        ]:
            group.start_soon(app.request, "prober", 0, path, headers)
        await settled()
        assert app.running == {"prober": AT_ONCE + 1}
        app.may_end.set()


async def test_instant_answers_are_not_all_given_in_one_turn_of_the_loop() -> None:
    app = Application()
    app.may_end.set()
    async with anyio.create_task_group() as group:
        for _ in range(10 * AT_ONCE):
            group.start_soon(app.request, "flooder")
        while (before := len(app.order)) < 10 * AT_ONCE:
            await anyio.sleep(0)
            assert len(app.order) - before <= AT_ONCE
    assert app.is_idle()


async def test_no_more_than_so_many_bodies_of_an_address_are_received_at_once() -> None:
    app = Application()

    async def send_body(address: str) -> int | None:
        return await app.request(address, max_per_address=MAX_BODIES, waits_for_client=True)

    async with anyio.create_task_group() as group:
        for _ in range(MAX_BODIES):
            group.start_soon(send_body, "flooder")
        await settled()

        assert await send_body("flooder") == 429
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

        assert await app.request("flooder") == 429
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
