"""Provide one embedded stack for all tests of a session."""

from collections.abc import Iterator

import pytest

from deploy.local.network import free_port
from deploy.local.stack import EmbeddedStack
from tests.role_decisions import unexpected_denials


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    """Run a stack whose services have the permissions of their roles, as on AWS."""
    home = tmp_path_factory.mktemp("stack")
    with EmbeddedStack(home, free_port(), enforce_roles=True) as running:
        yield running
        ended = [name for name, process in running.processes.items() if process.poll() is not None]
        assert ended == []
    assert unexpected_denials(running) == []


@pytest.fixture(scope="session")
def stack_url(stack: EmbeddedStack) -> str:
    return stack.url
