"""The `backend` fixture: each test of this folder runs on every backend that can be had."""

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
from tests.contracts.backends import Backend, MemoryBackend
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
    """Every port on one backend."""
    if request.param == "memory":
        yield MemoryBackend(clock)
        return
    with _on_aws(request.getfixturevalue(request.param), clock) as backend:
        yield backend


@pytest.fixture(params=ON_AWS)
def aws_backend(request: pytest.FixtureRequest, clock: FakeClock) -> Iterator[AwsBackend]:
    """Every port on AWS or on an emulator of it, for what memory has not: message bodies, raw items."""
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
    """Somebody new for each test, so that tests can share a table."""
    return f"owner-{secrets.token_hex(6)}"


@pytest.fixture
def prefix() -> str:
    """A place in the bucket for this test alone. Not below `uploads/`, which sends events."""
    return f"tests/{secrets.token_hex(6)}/"


@pytest.fixture
def upload(backend: Backend, owner: str, clock: FakeClock) -> Upload:
    """An upload under way."""
    upload = an_upload(owner, clock())
    backend.uploads.create(upload, [])
    return upload


@pytest.fixture
def waiting(backend: Backend, upload: Upload) -> Conversion:
    """A conversion that waits for its upload."""
    return backend.conversions.create(a_conversion(upload), upload)


@pytest.fixture
def queued(backend: Backend, upload: Upload) -> Conversion:
    """A conversion that any worker may claim."""
    return backend.conversions.create(
        a_conversion(upload), backend.uploads.mark_uploaded(upload.id)
    )
