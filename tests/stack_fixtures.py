"""Provide one embedded stack for all tests of a session."""

from collections.abc import Iterator

import pytest

from deploy.local.network import free_port
from deploy.local.stack import EmbeddedStack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    with EmbeddedStack(tmp_path_factory.mktemp("stack"), free_port()) as running:
        yield running
        ended = [name for name, process in running.processes.items() if process.poll() is not None]
        assert ended == []


@pytest.fixture(scope="session")
def stack_url(stack: EmbeddedStack) -> str:
    return stack.url
