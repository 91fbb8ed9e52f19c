"""Provide a running emulator for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.emulator import virtual_environment
from deploy.local.emulator.process import MiniStack
from tests.deploy.emulator.support import ORIGIN


@pytest.fixture(scope="session")
def venv() -> Path:
    path = virtual_environment.default_venv()
    virtual_environment.install(path)
    return path


@pytest.fixture
def emulator(venv: Path, tmp_path: Path) -> Iterator[MiniStack]:
    with MiniStack(venv, tmp_path / "data", origins=[ORIGIN]) as running:
        yield running
