"""Test that the gateway of `make run` answers one address while another one sends many requests."""

from collections import Counter

import anyio
import httpx

from deploy.local.gateway.asgi import Message
from deploy.local.gateway.proxy import REQUESTS_AT_ONCE, ReverseProxy, Transports
from tests.virtual_time import run_in_virtual_time


class SlowService(httpx.AsyncBaseTransport):
    """Answer each request after a second, and count those that are not answered yet."""

    def __init__(self) -> None:
        self.in_work: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        address = request.headers["x-forwarded-for"]
        self.in_work[address] += 1
        self.most |= self.in_work
        await anyio.sleep(1)
        self.in_work[address] -= 1
        return httpx.Response(200, stream=httpx.ByteStream(b"answer"))


def test_one_address_has_few_requests_at_once_and_others_need_not_wait() -> None:
    async def test() -> None:
        service, answered = SlowService(), list[tuple[float, str]]()
        proxy = ReverseProxy("http://service", Transports(service, service))

        async def get(address: str) -> None:
            async def receive() -> Message:
                await anyio.sleep_forever()
                raise AssertionError

            async def send(message: Message) -> None:
                if message["type"] == "http.response.start":
                    answered.append((anyio.current_time(), address))

            scope = {
                "method": "GET",
                "raw_path": b"/api/uploads",
                "query_string": b"",
                "headers": [(b"host", b"localhost")],
                "client": (address, 1),
            }
            await proxy(scope, receive, send)

        async with anyio.create_task_group() as tasks:
            for _ in range(3 * REQUESTS_AT_ONCE):
                tasks.start_soon(get, "192.0.2.1")
            tasks.start_soon(get, "192.0.2.2")

        assert service.most == {"192.0.2.1": REQUESTS_AT_ONCE, "192.0.2.2": 1}
        assert (1.0, "192.0.2.2") in answered
        assert [at for at, _ in answered].count(3.0) == REQUESTS_AT_ONCE, "all are answered in turn"

    run_in_virtual_time(test)
