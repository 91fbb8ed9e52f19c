"""Provide a running emulator for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.emulator import installation
from deploy.local.emulator.process import MiniStack


@pytest.fixture(scope="module")
def venv() -> Path:
    path = installation.default_venv()
    installation.install(path)
    return path


@pytest.fixture
def emulator(venv: Path, tmp_path: Path) -> Iterator[MiniStack]:
    with MiniStack(venv, tmp_path / "data", check_signatures=True) as running:
        yield running
