"""Test how the process of the conversion service is set up."""

import sys
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest

from libs.core import serve
from services.conversion import __main__ as program
from services.conversion import app, container


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


@pytest.mark.usefixtures("switch_interval")
@pytest.mark.parametrize("slots", [0, 2])
def test_a_process_with_slots_starts_launchers_ahead(
    monkeypatch: pytest.MonkeyPatch, slots: int
) -> None:
    built = Mock()
    monkeypatch.setattr(program, "load", Mock(return_value=Mock(slots=slots)))
    monkeypatch.setattr(container, "ConversionContainer", Mock(return_value=built))
    monkeypatch.setattr(app, "create_app", Mock())
    monkeypatch.setattr(serve, "serve", lambda _name, _settings, create: create())

    program.main([])

    assert built.engine().keep_processes_ready.called is bool(slots)
