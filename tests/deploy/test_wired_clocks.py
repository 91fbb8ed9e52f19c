"""Test that every service works by AWS's time, also on a host with a wrong clock (fault 40)."""

import time
from email.utils import formatdate
from typing import Any

import pytest

from libs.core.adapters.aws.clock import CLOCK, AwsClock
from services.conversion.container import ConversionContainer
from services.janitor.container import JanitorContainer
from services.progress.container import ProgressContainer
from services.upload.container import UploadContainer
from tests.deploy.service_settings import ENOUGH, KINDS

CONTAINERS: dict[str, Any] = {
    "upload": UploadContainer,
    "conversion": ConversionContainer,
    "progress": ProgressContainer,
    "janitor": JanitorContainer,
}
CLOCKS = {
    "upload": ["start_upload", "sign_parts", "sign_companion_parts", "quotas", "revoked_sessions"],
    "conversion": ["request_conversion", "download_conversion", "quotas", "signer"],
    "progress": ["quotas", "revoked_sessions"],
    "janitor": ["sweep_once", "delete_orphans"],
}
"""What reads a clock, by service."""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENOUGH.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@pytest.mark.parametrize("service", CONTAINERS)
def test_everything_that_reads_a_clock_reads_that_of_aws(service: str) -> None:
    container = CONTAINERS[service](settings=KINDS[service]())

    for name in CLOCKS[service]:
        assert getattr(container, name)()._clock == CLOCK.time, name
    assert container.aws.table().now == CLOCK.time


@pytest.mark.parametrize("ahead", [-3 * 86400, 600, 86400])
def test_the_time_of_aws_does_not_depend_on_the_host(ahead: float) -> None:
    clock = AwsClock(lambda: time.time() + ahead)

    clock.observe(formatdate(time.time(), usegmt=True))

    assert abs(clock.time() - time.time()) < 5
