"""What every test may ask for, and which tests are left out unless asked for."""

import os

import pytest

from tests.fakes import FakeClock

pytest_plugins = ["tests.stack_fixtures"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--aws", action="store_true", help="also run the tests marked `aws`, on the account of the environment")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--aws") or os.environ.get("TINYPIXO_TEST_AWS") == "1":
        return
    skip = pytest.mark.skip(reason="talks to a live AWS account: ask for it by --aws or TINYPIXO_TEST_AWS=1")
    for item in items:
        if item.get_closest_marker("aws"):
            item.add_marker(skip)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
