"""Check after each test that it left no process and no descriptor behind."""

import pytest


@pytest.fixture(autouse=True)
def _leaves_nothing_behind(started: object) -> None:
    """Use the check of `started`."""
