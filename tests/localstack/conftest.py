"""The same stack as in `tests/system`, with another endpoint."""

from collections.abc import Iterator

import pytest

from deploy.local.clouds import EmulatedCloud
from deploy.local.emulator import free_port
from deploy.local.stack import EmbeddedStack
from tests.audio import song
from tests.localstack.container import LocalStack
from tests.sigv4_proxy import SigV4Proxy
from tests.system.conftest import client, saved, short, wav

__all__ = ["client", "saved", "short", "wav"]


@pytest.fixture(scope="session")
def localstack(tmp_path_factory: pytest.TempPathFactory) -> LocalStack:
    """Started with the stack."""
    return LocalStack(tmp_path_factory.mktemp("localstack"))


@pytest.fixture(scope="session")
def sigv4_proxy(localstack: LocalStack) -> Iterator[SigV4Proxy]:
    """Between browsers and LocalStack, which takes any signature: what passes here passes S3."""
    with SigV4Proxy(localstack.endpoint_url) as proxy:
        yield proxy
    assert proxy.refused == []


@pytest.fixture(scope="session")
def stack(localstack: LocalStack, sigv4_proxy: SigV4Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    home, settings = tmp_path_factory.mktemp("stack"), {"TINYPIXO_PUBLIC_S3_ENDPOINT": sigv4_proxy.url}
    with EmbeddedStack(home, free_port(), settings=settings, cloud=EmulatedCloud(localstack)) as running:
        yield running


@pytest.fixture(scope="session")
def stack_url(stack: EmbeddedStack) -> str:
    """Its own fixture, because the one of all tests keeps the address of the embedded stack once it has it."""
    return stack.url


@pytest.fixture(scope="session")
def long(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Four minutes: still converting when it is cut off."""
    return song(tmp_path_factory.mktemp("audio"), 240).read_bytes()
