"""Provide a client of the stack, and files to send."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audio import song
from tests.system.client import Client


@pytest.fixture
def client(stack_url: str) -> Iterator[Client]:
    """Return a client with a session of its own."""
    with Client(stack_url) as new:
        yield new


@pytest.fixture(scope="session")
def wav(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a minute of stereo: 10 MB, which are three parts."""
    return song(tmp_path_factory.mktemp("audio"), 65).read_bytes()


@pytest.fixture(scope="session")
def short(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return three seconds of stereo, which are one part."""
    return song(tmp_path_factory.mktemp("audio"), 3).read_bytes()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return tmp_path / "result"
