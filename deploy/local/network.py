"""Find free ports and wait for servers. Needs the standard library only."""

import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from deploy.errors import DeployError

POLL_INTERVAL = 0.1
"""Seconds between two requests to a server that does not answer yet."""


def free_port() -> int:
    """Return a port of localhost on which nothing listens at present."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_ports(count: int, exclude: int) -> list[int]:
    """Return several free ports other than `exclude`, which another process is about to use."""
    found: set[int] = set()
    while len(found) < count:
        found |= {free_port()} - {exclude}
    return list(found)


def require_free_port(port: int, suggestion: str) -> None:
    """Raise DeployError if the port is in use. `suggestion` says how to use another."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            message = f"Port {port} is in use. Choose another one: {suggestion}"
            raise DeployError(message) from None


def parse_port(variable: str, value: str, suggestion: str) -> int:
    """Return the port that an environment variable names. Raise DeployError if it is not one."""
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise DeployError(f"{variable}={value} is not a port. Example: {suggestion}")
    return int(value)


def responds(url: str) -> bool:
    """Return True if a GET of the URL is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def wait_until_responding(
    url: str, seconds: float, is_running: Callable[[], bool] = lambda: True
) -> bool:
    """Wait until the URL is answered with 200, and return True.

    Return False after `seconds`, or as soon as `is_running` says that the server has ended.
    """
    deadline = time.monotonic() + seconds
    while not responds(url):
        if not is_running() or time.monotonic() > deadline:
            return False
        time.sleep(POLL_INTERVAL)
    return True
