"""Provide the stack of `tests/system` with an AWS account in place of the emulator."""

import os
from collections.abc import Iterator

import pytest

from deploy.local.network import free_port
from deploy.local.stack import EmbeddedStack
from deploy.local.targets import AccountTarget
from tests.system.conftest import client, saved, short, wav

__all__ = ["client", "saved", "short", "wav"]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    target = AccountTarget(f"{os.environ['TINYPIXO_TEST_NAME']}-system")
    with EmbeddedStack(tmp_path_factory.mktemp("stack"), free_port(), target=target) as running:
        yield running


@pytest.fixture(scope="session")
def stack_url(stack: EmbeddedStack) -> str:
    """Replace the session fixture of `stack_fixtures`, which keeps the other stack's URL."""
    return stack.url
