"""Keep descriptors for what a server does besides its connections."""

import resource
import socket
import subprocess
import sys
from contextlib import ExitStack

import pytest

from libs.core import descriptors
from libs.core.web import server_protocol
from tests.core.body_sizes import Application
from tests.fault_injection import eventually
from tests.http_server import connected, serving

LIMIT = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}));"
PRINT = (
    "from libs.core import descriptors; descriptors.raise_descriptor_limit();"
    "print(*resource.getrlimit(resource.RLIMIT_NOFILE), descriptors.max_connections())"
)


def limits(soft: int, hard: int) -> list[int]:
    """Return both limits and the connections of a process that raised its limit."""
    code = LIMIT.format(soft=soft, hard=hard) + PRINT
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    return [int(number) for number in printed.stdout.split()]


def test_the_usual_limit_is_raised_as_far_as_the_system_lets_us() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < descriptors.MAX_DESCRIPTORS:
        pytest.skip("the system allows fewer")
    most = descriptors.MAX_DESCRIPTORS

    assert limits(1024, most) == [most, most, most - descriptors.RESERVED]
    assert limits(1024, 2048) == [2048, 2048, 2048 - descriptors.RESERVED]
    assert limits(300, 300) == [300, 300, 150]


def test_connections_beyond_the_limit_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_protocol, "max_connections", lambda: 3)
    with serving(Application()) as port, ExitStack() as stack:
        held = [stack.enter_context(connected(port)) for _ in range(3)]
        more = [stack.enter_context(connected(port)) for _ in range(5)]

        assert eventually(lambda: all(is_closed(each) for each in more))
        assert not any(is_closed(each) for each in held)


def is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
