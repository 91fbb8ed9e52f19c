"""Provide logs that a test can read."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from libs.core.telemetry import set_up
from tests.core.logs import Logs


@pytest.fixture(params=["json", "text"])
def style(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def logs(style: str) -> Iterator[Logs]:
    root = logging.getLogger()
    before = (
        root.handlers[:],
        root.level,
        {name: logging.getLogger(name).level for name in ("botocore", "urllib3")},
    )
    logs = Logs()
    set_up("test", "debug", style, logs.stream)
    # A logger that was cached here would write to this stream in later tests, too.
    structlog.configure(cache_logger_on_first_use=False)
    yield logs
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    for name, level in before[2].items():
        logging.getLogger(name).setLevel(level)
    structlog.reset_defaults()
