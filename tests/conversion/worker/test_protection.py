"""Test that a task is protected from scale-in while it converts, and no longer."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest

from libs.core.adapters.aws.task_protection import EcsTaskProtection
from libs.core.adapters.memory import MemoryTaskProtection
from libs.core.errors import StorageUnavailable
from services.conversion.worker.protection import MINUTES, RENEW_AFTER, ProtectWhileConverting
from tests.fakes import FakeClock

STOP = Event()


class FakeAgent:
    """Answer as the ECS agent does, and record what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.status = 200
        self.answer: dict[str, Any] = {"protection": {"ProtectionEnabled": True}}
        agent = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                agent.asked.append((self.path, body))
                self.send_response(agent.status)
                self.end_headers()
                self.wfile.write(json.dumps(agent.answer).encode())

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.uri = f"http://127.0.0.1:{self.server.server_port}/api/0123"


@pytest.fixture
def agent() -> Iterator[FakeAgent]:
    agent = FakeAgent()
    Thread(target=agent.server.serve_forever, daemon=True).start()
    yield agent
    agent.server.shutdown()
    agent.server.server_close()


def test_a_task_is_protected_while_it_converts() -> None:
    busy, protection, timer = [False], MemoryTaskProtection(), FakeClock(0)
    look = ProtectWhileConverting(protection, lambda: busy[0], timer)

    look(STOP)
    assert protection.minutes is None
    busy[0] = True
    look(STOP)
    assert protection.minutes == MINUTES
    busy[0] = False
    look(STOP)
    assert protection.minutes is None


def test_a_long_conversion_extends_the_protection(agent: FakeAgent) -> None:
    timer = FakeClock(0)
    look = ProtectWhileConverting(EcsTaskProtection(agent.uri), lambda: True, timer)

    for _ in range(3):
        look(STOP)
        timer.advance(RENEW_AFTER / 2)

    path = "/api/0123/task-protection/v1/state"
    assert agent.asked == [(path, {"ProtectionEnabled": True, "ExpiresInMinutes": MINUTES})] * 2
    assert RENEW_AFTER < MINUTES * 60


@pytest.mark.parametrize(
    ("status", "answer"),
    [(400, {"error": {"Code": "AccessDeniedException"}}), (200, {"failure": {"Reason": "x"}})],
)
def test_a_refusal_is_repeated_until_it_is_granted(
    agent: FakeAgent, status: int, answer: dict[str, Any]
) -> None:
    granted = agent.answer
    agent.status, agent.answer = status, answer
    look = ProtectWhileConverting(EcsTaskProtection(agent.uri), lambda: True)
    with pytest.raises(StorageUnavailable):
        look(STOP)
    agent.status, agent.answer = 200, granted

    look(STOP)

    assert len(agent.asked) == 2


def test_an_idle_task_ends_its_protection_at_the_agent(agent: FakeAgent) -> None:
    busy = iter([True, False, False])
    look = ProtectWhileConverting(EcsTaskProtection(agent.uri), lambda: next(busy))

    for _ in range(3):
        look(STOP)

    assert [body["ProtectionEnabled"] for _, body in agent.asked] == [True, False]
