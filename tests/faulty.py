"""Faults where a test wants them: a port that fails before or after its effect, calls that are counted."""

import time
from collections.abc import Callable
from typing import Any

from libs.core.errors import StorageUnavailable

AWAY = StorageUnavailable("Our storage cannot be reached right now.", retry_after=2)


def failing(port: Any, method: str, times: int | None = 1, *, after: bool = False, error: BaseException = AWAY) -> list[str]:
    """The next calls of a port's method fail: before they have any effect, or after it, as when a reply is lost.

    Returns a list that each failure is noted in.
    """
    really = getattr(port, method)
    failed: list[str] = []

    def call(*args: Any, **kwargs: Any) -> Any:
        if times is not None and len(failed) >= times:
            return really(*args, **kwargs)
        failed.append(method)
        if after:
            really(*args, **kwargs)
        raise error

    setattr(port, method, call)
    return failed


def counting(port: Any, *methods: str) -> list[str]:
    """The names of a port's methods as they are called."""
    calls: list[str] = []

    def counted(name: str, really: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            calls.append(name)
            return really(*args, **kwargs)

        return call

    for method in methods:
        setattr(port, method, counted(method, getattr(port, method)))
    return calls


def eventually(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Waits for a condition, and returns what it said."""
    deadline = time.monotonic() + seconds
    while not (said := condition()):
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)
    return said
