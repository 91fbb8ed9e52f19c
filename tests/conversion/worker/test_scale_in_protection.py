"""Test that a task is protected from scale-in while it converts, and no longer."""

import json
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

from libs.core.adapters.aws.task_protection import EcsTaskProtection
from libs.core.adapters.memory import MemoryTaskProtection
from libs.core.errors import StorageUnavailable
from services.conversion.worker.scale_in_protection import (
    PROTECTION_MINUTES,
    RENEW_AFTER,
    ProtectWhileConverting,
)
from tests.fakes import FakeClock
from tests.http_server import RecordingServer

STOP = Event()


class FakeAgent(RecordingServer):
    """Answer as the ECS agent does, and record what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.uri = f"{self.url}/api/0123"
        self.reply(200, {"protection": {"ProtectionEnabled": True}})

    def reply(self, status: int, answer: dict[str, Any]) -> None:
        """Answer so from now on."""
        self.status, self.answer = status, json.dumps(answer).encode()

    @property
    def states(self) -> list[Any]:
        """Return the bodies of the requests, and check their paths."""
        assert {path for path, _ in self.asked} <= {"/api/0123/task-protection/v1/state"}
        return [json.loads(body) for _, body in self.asked]


@pytest.fixture
def agent() -> Iterator[FakeAgent]:
    with FakeAgent() as agent:
        yield agent


def test_a_task_is_protected_while_it_converts() -> None:
    busy, protection, timer = [False], MemoryTaskProtection(), FakeClock(0)
    protect = ProtectWhileConverting(protection, lambda: busy[0], timer)

    protect(STOP)
    assert protection.minutes is None
    busy[0] = True
    protect(STOP)
    assert protection.minutes == PROTECTION_MINUTES
    busy[0] = False
    protect(STOP)
    assert protection.minutes is None


def test_a_long_conversion_extends_the_protection(agent: FakeAgent) -> None:
    timer = FakeClock(0)
    protect = ProtectWhileConverting(EcsTaskProtection(agent.uri), lambda: True, timer)

    for _ in range(3):
        protect(STOP)
        timer.advance(RENEW_AFTER / 2)

    assert agent.states == [{"ProtectionEnabled": True, "ExpiresInMinutes": PROTECTION_MINUTES}] * 2
    assert RENEW_AFTER < PROTECTION_MINUTES * 60


@pytest.mark.parametrize(
    ("status", "answer"),
    [(400, {"error": {"Code": "AccessDeniedException"}}), (200, {"failure": {"Reason": "x"}})],
)
def test_a_refusal_is_repeated_until_it_is_granted(
    agent: FakeAgent, status: int, answer: dict[str, Any]
) -> None:
    agent.reply(status, answer)
    protect = ProtectWhileConverting(EcsTaskProtection(agent.uri), lambda: True)
    with pytest.raises(StorageUnavailable):
        protect(STOP)
    agent.reply(200, {"protection": {"ProtectionEnabled": True}})

    protect(STOP)

    assert len(agent.states) == 2


def test_an_idle_task_ends_its_protection_at_the_agent(agent: FakeAgent) -> None:
    busy = iter([True, False, False])
    protect = ProtectWhileConverting(EcsTaskProtection(agent.uri), lambda: next(busy))

    for _ in range(3):
        protect(STOP)

    assert [state["ProtectionEnabled"] for state in agent.states] == [True, False]
