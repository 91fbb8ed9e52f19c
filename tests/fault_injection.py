"""Inject faults into ports, record calls, and wait for conditions."""

import time
from collections.abc import Callable
from typing import Any

from libs.core.errors import StorageUnavailable

UNREACHABLE = StorageUnavailable("Our storage cannot be reached right now.", retry_after=2)


def fail_calls(
    port: Any,
    method: str,
    times: int | None = 1,
    *,
    after: bool = False,
    error: BaseException = UNREACHABLE,
) -> list[str]:
    """Make the next calls of a port's method fail, and return a list of the failures.

    Args:
        port: The object whose method is replaced.
        method: The name of the method.
        times: Number of calls that fail; None for all of them.
        after: True to fail after the effect, as when a reply is lost; False to fail before it.
        error: The exception that is raised.
    """
    original = getattr(port, method)
    failed: list[str] = []

    def call(*args: Any, **kwargs: Any) -> Any:
        if times is not None and len(failed) >= times:
            return original(*args, **kwargs)
        failed.append(method)
        if after:
            original(*args, **kwargs)
        raise error

    setattr(port, method, call)
    return failed


def record_calls(port: Any, *methods: str) -> list[str]:
    """Return a list that grows by a method's name each time the port's method is called."""
    calls: list[str] = []

    def recorded(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            calls.append(name)
            return original(*args, **kwargs)

        return call

    for method in methods:
        setattr(port, method, recorded(method, getattr(port, method)))
    return calls


def eventually(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Wait until a condition is true, and return its value. Fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"the condition was not met within {seconds} s"
        time.sleep(0.005)
    return value
