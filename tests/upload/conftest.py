"""Provide a new upload service for each test."""

from collections.abc import Iterator

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from services.upload.app import create_app
from services.upload.container import UploadContainer
from tests.fakes import FakeClock
from tests.upload.support import Client, UploadHarness, create_container


@pytest.fixture
def harness(clock: FakeClock) -> UploadHarness:
    return UploadHarness(clock)


@pytest.fixture(scope="module")
def container() -> UploadContainer:
    return create_container(secure_cookies=False)


@pytest.fixture(scope="module")
def app(container: UploadContainer) -> Litestar:
    return create_app(container)


@pytest.fixture
def client(app: Litestar, container: UploadContainer, harness: UploadHarness) -> Iterator[Client]:
    harness.override_adapters(container)
    with TestClient(app) as client:
        yield client
