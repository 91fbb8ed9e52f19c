"""Provide fixtures for all tests, and the option that enables tests on live AWS."""

import os
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from libs.core.web import middleware
from tests.fakes import FakeClock

pytest_plugins = ["tests.stack_fixtures"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--aws", action="store_true", help="run the tests marked `aws`, on a live account"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no process ends long after the others."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: ("localstack" not in item.nodeid, item.path not in slow))
    if config.getoption("--aws") or os.environ.get("TINYPIXO_TEST_AWS") == "1":
        return
    skip = pytest.mark.skip(reason="needs a live AWS account: pass --aws or TINYPIXO_TEST_AWS=1")
    for item in items:
        if item.get_closest_marker("aws"):
            item.add_marker(skip)


class SchedulingByEmulator(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """Run the tests of a file in one process, and those on LocalStack in one process, too.

    They share what is slow to prepare: a stack, or a container of LocalStack.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "localstack" if "localstack" in nodeid else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Return the scheduling of `--dist loadfile`, None for that of another option."""
    return SchedulingByEmulator(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(autouse=True)
def no_refusal_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send refusals at once, in services that run within the tests."""
    monkeypatch.setattr(middleware, "REFUSAL_DELAY", 0.0)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
