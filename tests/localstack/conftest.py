"""Provide the stack of `tests/system` on LocalStack."""

from collections.abc import Iterator

import pytest

from deploy.local.network import free_port
from deploy.local.stack import EmbeddedStack
from deploy.local.targets import EmulatorTarget
from tests.audio import song
from tests.localstack.container import LocalStack
from tests.sigv4_proxy import SigV4Proxy
from tests.system.conftest import client, saved, short, wav

__all__ = ["client", "saved", "short", "wav"]


@pytest.fixture(scope="session")
def localstack(tmp_path_factory: pytest.TempPathFactory) -> LocalStack:
    """Return a LocalStack, which the stack starts."""
    return LocalStack(tmp_path_factory.mktemp("localstack"))


@pytest.fixture(scope="session")
def sigv4_proxy(localstack: LocalStack) -> Iterator[SigV4Proxy]:
    """Verify presigned URLs between clients and LocalStack, which accepts any signature."""
    with SigV4Proxy(localstack.endpoint_url) as proxy:
        yield proxy
    assert proxy.refused == []


@pytest.fixture(scope="session")
def stack(
    localstack: LocalStack, sigv4_proxy: SigV4Proxy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmbeddedStack]:
    home, settings = (
        tmp_path_factory.mktemp("stack"),
        {"TINYPIXO_PUBLIC_S3_ENDPOINT": sigv4_proxy.url},
    )
    with EmbeddedStack(
        home, free_port(), settings=settings, target=EmulatorTarget(localstack)
    ) as running:
        yield running


@pytest.fixture(scope="session")
def stack_url(stack: EmbeddedStack) -> str:
    """Replace the session fixture of `stack_fixtures`, which keeps the other stack's URL."""
    return stack.url


@pytest.fixture(scope="session")
def long(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return four minutes of sound, whose conversion outlasts the start of an outage."""
    return song(tmp_path_factory.mktemp("audio"), 240).read_bytes()
