"""Check after each test that it left nothing behind, and that the sandbox refused nothing."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _leaves_nothing_behind(started: object) -> None:
    """Use the check of `started`."""


@pytest.fixture(autouse=True)
def _needs_no_other_system_call(refused: list[str]) -> Iterator[None]:
    """Fail if FFmpeg needs a system call that the sandbox does not allow."""
    yield
    assert refused == [], "add what FFmpeg needs to services/conversion/sandbox/seccomp_filter.py"
