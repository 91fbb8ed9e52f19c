"""Test how the process of the conversion service is set up."""

import sys
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest

from libs.core import serve
from services.conversion import __main__ as program


@pytest.fixture
def switch_interval() -> Iterator[float]:
    """Provide the interval of this process, and restore it."""
    before = sys.getswitchinterval()
    yield before
    sys.setswitchinterval(before)


def test_threads_that_compute_soon_let_others_go_on(
    switch_interval: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[float] = []

    def note(*_: Any) -> None:
        found.append(sys.getswitchinterval())

    monkeypatch.setattr(program, "load", Mock())
    monkeypatch.setattr(serve, "serve", note)

    program.main(["worker"])

    assert len(found) == 1
    assert found[0] < switch_interval / 5
