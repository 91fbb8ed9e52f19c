"""The stack of `tests/system` with services as local processes and the account in place of the emulator."""

import os
from collections.abc import Iterator

import pytest

from deploy.local.clouds import AccountCloud
from deploy.local.emulator import free_port
from deploy.local.stack import EmbeddedStack
from tests.system.conftest import client, saved, short, wav

__all__ = ["client", "saved", "short", "wav"]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    cloud = AccountCloud(f"{os.environ['TINYPIXO_TEST_NAME']}-system")
    with EmbeddedStack(tmp_path_factory.mktemp("stack"), free_port(), cloud=cloud) as running:
        yield running


@pytest.fixture(scope="session")
def stack_url(stack: EmbeddedStack) -> str:
    """Its own fixture, because the one of all tests keeps the address of the embedded stack once it has it."""
    return stack.url
