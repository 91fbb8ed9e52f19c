"""Provide the `backend` fixture, which runs each test on every backend that is available."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from libs.core.domain.conversions import Conversion
from libs.core.domain.uploads import Upload
from tests.contracts.aws import (
    AwsBackend,
    Connection,
    connected_to_aws,
    localstack_running,
    moto_running,
)
from tests.contracts.backend import Backend, MemoryBackend
from tests.contracts.leases import claim
from tests.fakes import FakeClock, a_conversion, an_upload

ON_AWS = [
    "moto",
    pytest.param("localstack", marks=pytest.mark.localstack),
    pytest.param("aws", marks=pytest.mark.aws),
]
EVERYWHERE = ["memory", *ON_AWS]


@pytest.fixture(scope="session")
def moto() -> Iterator[Connection]:
    with moto_running() as connection:
        yield connection


@pytest.fixture(scope="session")
def localstack() -> Iterator[Connection]:
    with localstack_running() as connection:
        yield connection


@pytest.fixture(scope="session")
def aws() -> Iterator[Connection]:
    with connected_to_aws() as connection:
        yield connection


@pytest.fixture(params=EVERYWHERE)
def backend(request: pytest.FixtureRequest, clock: FakeClock) -> Iterator[Backend]:
    """Provide every port on one backend."""
    if request.param == "memory":
        yield MemoryBackend(clock)
        return
    with _on_aws(request.getfixturevalue(request.param), clock) as backend:
        yield backend


@pytest.fixture(params=ON_AWS)
def aws_backend(request: pytest.FixtureRequest, clock: FakeClock) -> Iterator[AwsBackend]:
    """Provide every port on AWS or an emulator, for message bodies and raw items."""
    with _on_aws(request.getfixturevalue(request.param), clock) as backend:
        yield backend


@contextmanager
def _on_aws(connection: Connection, clock: FakeClock) -> Iterator[AwsBackend]:
    with connection.table() as table_name:
        backend = AwsBackend(connection, table_name, clock)
        yield backend
        backend.close()


@pytest.fixture
def owner() -> str:
    """Return a new owner for each test, so that tests can share a table."""
    return f"owner-{secrets.token_hex(6)}"


@pytest.fixture
def prefix() -> str:
    """Return a key prefix for this test alone. Keys under `uploads/` would send events."""
    return f"tests/{secrets.token_hex(6)}/"


@pytest.fixture
def upload(backend: Backend, owner: str, clock: FakeClock) -> Upload:
    """Create an upload in progress."""
    upload = an_upload(owner, clock())
    backend.uploads.create(upload, [])
    return upload


@pytest.fixture
def waiting(backend: Backend, upload: Upload) -> Conversion:
    """Create a conversion that waits for its upload."""
    return backend.conversions.create(a_conversion(upload), upload)


@pytest.fixture
def queued(backend: Backend, upload: Upload) -> Conversion:
    """Create a conversion that any worker may claim."""
    return backend.conversions.create(
        a_conversion(upload), backend.uploads.mark_uploaded(upload.id)
    )


@pytest.fixture
def mine(backend: Backend, queued: Conversion) -> Conversion:
    """Create a conversion that the worker `first` has claimed."""
    return claim(backend, queued)
