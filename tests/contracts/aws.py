"""Connect the AWS adapters to AWS or to an emulator, by the environment alone."""

import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import Any

import boto3
import pytest

from deploy.local.bootstrap import Clients, StackOutputs, delete_stack, deploy_stack
from libs.core.adapters.aws import clients
from libs.core.adapters.aws.change_feed import DynamoDbChangeFeed
from libs.core.adapters.aws.conversion_queue import DynamoDbConversionQueue
from libs.core.adapters.aws.conversions import DynamoDbConversionStore
from libs.core.adapters.aws.dynamodb.stream import StreamReader
from libs.core.adapters.aws.dynamodb.table import Table
from libs.core.adapters.aws.expired_items import DynamoDbExpiredItems
from libs.core.adapters.aws.leases import DynamoDbConversionLeases
from libs.core.adapters.aws.multipart_uploads import S3MultipartUploads
from libs.core.adapters.aws.named_leases import DynamoDbNamedLeases
from libs.core.adapters.aws.objects import S3ObjectStore
from libs.core.adapters.aws.progress_reader import DynamoDbProgressReader
from libs.core.adapters.aws.quotas import DynamoDbQuotas
from libs.core.adapters.aws.resumable_uploads import DynamoDbResumableUploads
from libs.core.adapters.aws.revoked_sessions import DynamoDbRevokedSessions
from libs.core.adapters.aws.uploads import DynamoDbUploadStore
from libs.core.adapters.aws.url_signer import S3UrlSigner
from tests.contracts.backend import Backend, HttpResponse
from tests.contracts.sqs import NAME, SqsHarness
from tests.fakes import FakeClock

ROOT = Path(__file__).resolve().parents[2]

LOCALSTACK = "localstack/localstack:4.14.0"
"""The last release that needs no token."""

ANY_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-central-1",
}
"""Emulators accept any credentials."""


MOTO_LACKS = frozenset(
    {
        "start of multipart uploads",
        "refusal after abort",
        "keys of multipart uploads",
        "part number markers",
        "part checksums",
        "cheap transactions",
    }
)
"""In this order: moto dates every upload to 2010; answers 500; accepts an id under any key; takes
markers for positions in the list; verifies no checksums; and copies the table and its stream at
every transaction."""


class Connection:
    """Hold the clients and the stack, made from the environment at the time of construction.

    `lacks` names what the emulator does not do.
    """

    def __init__(
        self,
        *,
        path_style: bool,
        lacks: frozenset[str] = frozenset(),
        stack: StackOutputs | None = None,
    ) -> None:
        self.lacks = lacks
        self.endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
        session = boto3.Session()
        self.s3 = clients.s3_client(session, path_style=path_style)
        self.dynamodb = clients.dynamodb_client(session)
        self.streams = clients.streams_client(session)
        self.sqs = clients.sqs_client(session)
        self.makers = Clients.create(session.client)
        self.name = f"{NAME}-{secrets.token_hex(4)}"
        self.stack = stack or deploy_stack(self.makers, self.name)

    @contextmanager
    def table(self) -> Iterator[str]:
        """Provide the name of the stack's table, or of a new one on moto.

        moto copies all items of a table at every transaction, so each test gets a small table.
        """
        if not self.lacks & {"cheap transactions"}:
            yield self.stack.table_name
            return
        dynamodb: Any = self.makers.dynamodb
        like = dynamodb.describe_table(TableName=self.stack.table_name)["Table"]
        name = f"{self.name}-{secrets.token_hex(4)}"
        indexes = [
            {part: index[part] for part in ("IndexName", "KeySchema", "Projection")}
            for index in like["GlobalSecondaryIndexes"]
        ]
        same = {
            part: like[part]
            for part in ("KeySchema", "AttributeDefinitions", "StreamSpecification")
        }
        dynamodb.create_table(
            TableName=name, BillingMode="PAY_PER_REQUEST", GlobalSecondaryIndexes=indexes, **same
        )
        yield name
        dynamodb.delete_table(TableName=name)

    def close(self) -> None:
        for client in (self.s3, self.dynamodb, self.streams, self.sqs, *vars(self.makers).values()):
            client.close()


@contextmanager
def moto_running() -> Iterator[Connection]:
    """Run moto as a server in its own process."""
    command = [sys.executable, "-m", "tests.contracts.moto_server"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as server:
        assert server.stdin
        assert server.stdout
        port = int(server.stdout.readline())
        with _environment({**ANY_CREDENTIALS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}):
            connection = Connection(path_style=True, lacks=MOTO_LACKS)
        yield connection
        connection.close()
        server.stdin.close()


@contextmanager
def reached_through(endpoint: str, connection: Connection) -> Iterator[Connection]:
    """Connect to the same stack by another endpoint, such as a proxy."""
    with _environment({**ANY_CREDENTIALS, "AWS_ENDPOINT_URL": endpoint}):
        other = Connection(path_style=True, lacks=connection.lacks, stack=connection.stack)
    yield other
    other.close()


@contextmanager
def localstack_running() -> Iterator[Connection]:
    """Run LocalStack in a container, and remove it afterwards."""
    with _environment({"TESTCONTAINERS_RYUK_DISABLED": "true"}):
        import docker  # type: ignore[import-untyped]
        from testcontainers.core.container import DockerContainer

        try:
            docker.from_env().ping()
        except docker.errors.DockerException as error:
            pytest.skip(f"Docker is not there: {error}")
        container = DockerContainer(LOCALSTACK).with_exposed_ports(4566)
        with container:
            endpoint = (
                f"http://{container.get_container_host_ip()}:{container.get_exposed_port(4566)}"
            )
            _await_health(endpoint)
            with _environment({**ANY_CREDENTIALS, "AWS_ENDPOINT_URL": endpoint}):
                connection = Connection(path_style=True)
            yield connection
            connection.close()


@contextmanager
def connected_to_aws() -> Iterator[Connection]:
    """Create a stack in the account and region of the environment, and delete it afterwards.

    With AWS_ENDPOINT_URL, an emulator is used instead.
    """
    connection = Connection(path_style="AWS_ENDPOINT_URL" in os.environ)
    try:
        yield connection
    finally:
        delete_stack(connection.makers, connection.name)
        connection.close()


class AwsBackend(Backend):
    """Provide the AWS adapters on the session's stack.

    `close` deletes the queues that a test created.
    """

    def __init__(self, connection: Connection, table_name: str, clock: FakeClock) -> None:
        stack = connection.stack
        self.clock = clock
        self.connection = connection
        self.lacks = connection.lacks
        self._harnesses: list[SqsHarness] = []
        self.table = table = Table(connection.dynamodb, table_name, clock)
        self.objects = S3ObjectStore(connection.s3, stack.bucket_name)
        self.multiparts = S3MultipartUploads(connection.s3, stack.bucket_name)
        self.signer = S3UrlSigner(connection.s3, stack.bucket_name)
        self.uploads = DynamoDbUploadStore(table)
        self.resumable = DynamoDbResumableUploads(table)
        self.revoked = self.another_revoked()
        self.named = DynamoDbNamedLeases(table)
        self.quotas = DynamoDbQuotas(connection.dynamodb, table_name, clock)
        self.conversions = DynamoDbConversionStore(table)
        self.queue = DynamoDbConversionQueue(table)
        self.leases = DynamoDbConversionLeases(table)
        self.expired = DynamoDbExpiredItems(table)
        self.progress = DynamoDbProgressReader(table)
        self.feed = DynamoDbChangeFeed(
            StreamReader(connection.streams, connection.dynamodb, table_name, pause=0.05)
        )

    def another_revoked(self) -> DynamoDbRevokedSessions:
        """Return the adapter of another process: it has answers of its own."""
        return DynamoDbRevokedSessions(
            self.connection.dynamodb, self.table.name, self.clock, timer=self.clock
        )

    def metadata_of(self, key: str) -> tuple[str, Mapping[str, str]]:
        head = self.connection.s3.head_object(Bucket=self.connection.stack.bucket_name, Key=key)
        return head["ContentType"], head["Metadata"]

    def http(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpResponse:
        request = urllib.request.Request(
            url,
            data=body,
            method=method,
            headers={"Content-Type": "application/octet-stream", **(headers or {})},
        )
        try:
            with urllib.request.urlopen(request) as response:
                return HttpResponse(response.status, _lower(response.headers), response.read())
        except urllib.error.HTTPError as error:
            with error:
                return HttpResponse(error.code, _lower(error.headers), error.read())

    def harness(self, visibility: float = 1, max_receives: int = 20) -> "SqsHarness":
        harness = SqsHarness(self.connection.sqs, visibility, max_receives)
        self._harnesses.append(harness)
        return harness

    def close(self) -> None:
        for harness in self._harnesses:
            harness.close()


def _lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in variables.items():
            patch.setenv(name, value)
        yield


def _await_health(endpoint: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"{endpoint}/_localstack/health", timeout=2):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
