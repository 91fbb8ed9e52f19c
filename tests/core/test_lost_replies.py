"""Lose the replies to writes that took effect: botocore repeats the write, which counts once."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from libs.core.adapters.aws.conversions import DynamoDbConversionStore
from libs.core.adapters.aws.dynamodb.table import Table
from libs.core.adapters.aws.leases import DynamoDbConversionLeases
from libs.core.adapters.aws.objects import S3ObjectStore
from libs.core.adapters.aws.uploads import DynamoDbUploadStore
from libs.core.domain.conversions import ConversionStatus, Phase
from libs.core.domain.uploads import Failure
from libs.core.errors import StorageUnavailable, UploadNotFound
from libs.core.ports.leases import ProgressReport
from tests.contracts.aws import Connection, moto_running, reached_through
from tests.core.lossy_proxy import LossyProxy
from tests.fakes import FakeClock, a_conversion, an_output, an_upload

LEASE = 30.0


@pytest.fixture(scope="module")
def moto() -> Iterator[Connection]:
    with moto_running() as connection:
        yield connection


@pytest.fixture
def proxy(moto: Connection) -> Iterator[LossyProxy]:
    proxy = LossyProxy(moto.endpoint)
    yield proxy
    proxy.close()


@pytest.fixture
def connection(moto: Connection, proxy: LossyProxy) -> Iterator[Any]:
    """Connect to moto through the proxy."""
    with reached_through(proxy.url, moto) as connection:
        yield connection


@pytest.fixture
def table(connection: Any, moto: Connection, clock: FakeClock) -> Table:
    return Table(connection.dynamodb, moto.stack.table_name, clock)


def test_a_repeated_transaction_whose_items_were_updated_since_has_succeeded(
    clock: FakeClock,
) -> None:
    class Repeated:
        def transact_write_items(self, **_: object) -> None:
            code: Any = {"Error": {"Code": "IdempotentParameterMismatchException"}}
            raise ClientError(code, "TransactWriteItems")

    DynamoDbUploadStore(Table(cast(Any, Repeated()), "table", clock)).create(an_upload(), [])


def test_each_repeated_write_of_a_conversion_counts_once(proxy: LossyProxy, table: Table) -> None:
    uploads, conversions, leases = (
        DynamoDbUploadStore(table),
        DynamoDbConversionStore(table),
        DynamoDbConversionLeases(table),
    )
    upload = an_upload()

    def call_and_lose_reply(call: Any, *args: Any) -> Any:
        proxy.faults[:] = ["lose the reply"]
        before = proxy.forwarded
        result = call(*args)
        assert proxy.forwarded >= before + 2, "the call was repeated"
        return result

    call_and_lose_reply(uploads.create, upload, [])
    assert call_and_lose_reply(uploads.add_parts, upload.id, 1).version == 2
    assert call_and_lose_reply(
        uploads.set_parts, uploads.get(upload.id), {1, 2}
    ).completed_parts == {1, 2}
    arrived = call_and_lose_reply(uploads.mark_uploaded, upload.id)
    created = call_and_lose_reply(conversions.create, a_conversion(upload), arrived)
    assert created.phase is Phase.QUEUED
    first = call_and_lose_reply(leases.claim, created.id, "worker", LEASE)
    assert (first.attempts, first.version) == (1, 2)
    call_and_lose_reply(leases.report, first, ProgressReport(Phase.CONVERTING, 10.0), LEASE)
    call_and_lose_reply(leases.release, first)
    second = call_and_lose_reply(leases.claim, created.id, "worker", LEASE)
    assert (second.attempts, second.unblamed_count, second.version) == (2, 1, 5)
    done = call_and_lose_reply(leases.publish, second, an_output(second), ())
    assert (done.status, done.version) == (ConversionStatus.COMPLETED, 6)
    assert uploads.get(upload.id).version == 5


def test_a_repeated_cancel_and_failure_count_once(proxy: LossyProxy, table: Table) -> None:
    uploads, conversions, leases = (
        DynamoDbUploadStore(table),
        DynamoDbConversionStore(table),
        DynamoDbConversionLeases(table),
    )
    upload = an_upload()
    one, other = a_conversion(upload, phase=Phase.QUEUED), a_conversion(upload)
    uploads.create(upload, [one, other])
    claimed = leases.claim(one.id, "worker", LEASE)
    assert claimed

    proxy.faults[:] = ["lose the reply"]
    assert leases.fail(claimed, Failure("corrupt", "Damaged.")).version == 3
    proxy.faults[:] = ["lose the reply"]
    assert conversions.cancel(other.id, other.owner).version == 2


def test_a_publish_whose_replies_were_all_lost_can_be_repeated(
    proxy: LossyProxy, table: Table
) -> None:
    uploads, conversions, leases = (
        DynamoDbUploadStore(table),
        DynamoDbConversionStore(table),
        DynamoDbConversionLeases(table),
    )
    upload = an_upload()
    queued = a_conversion(upload, phase=Phase.QUEUED)
    uploads.create(upload, [queued])
    claimed = leases.claim(queued.id, "worker", LEASE)
    assert claimed

    proxy.faults[:] = ["lose the reply"] * 3
    with pytest.raises(StorageUnavailable):
        leases.publish(claimed, an_output(claimed), ())

    done = leases.publish(claimed, an_output(claimed), ())
    assert done == conversions.get(queued.id)
    assert done.version == 3


def test_a_removal_whose_reply_was_lost_is_not_found(proxy: LossyProxy, table: Table) -> None:
    """A removed item cannot forward the id of the write that removed it."""
    uploads = DynamoDbUploadStore(table)
    upload = an_upload()
    uploads.create(upload, [])

    proxy.faults[:] = ["lose the reply"]
    with pytest.raises(UploadNotFound):
        uploads.remove(upload.id, upload.owner)

    assert table.get(upload.id) is None


def test_a_read_that_breaks_off_raises_after_its_last_block(
    proxy: LossyProxy, connection: Any, moto: Connection
) -> None:
    store = S3ObjectStore(connection.s3, moto.stack.bucket_name)
    body = bytes(range(256)) * 8192
    store.put("tests/song", body, "audio/wav", {})
    proxy.faults[:] = ["break off in the middle"]
    had = bytearray()

    with pytest.raises(StorageUnavailable):
        had.extend(block for blocks in store.read("tests/song", 0, len(body)) for block in blocks)

    had.clear()
    proxy.faults[:] = ["break off in the middle"]
    while len(had) < len(body):
        try:
            for block in store.read("tests/song", len(had), len(body)):
                had += block
        except StorageUnavailable:
            assert had
    assert had == body


def test_a_store_that_does_not_answer_is_unavailable(
    moto: Connection, proxy: LossyProxy, clock: FakeClock
) -> None:
    with reached_through("http://127.0.0.1:9", moto) as nowhere:
        with pytest.raises(StorageUnavailable):
            S3ObjectStore(nowhere.s3, moto.stack.bucket_name).head("x")
        with pytest.raises(StorageUnavailable):
            DynamoDbUploadStore(Table(nowhere.dynamodb, moto.stack.table_name, clock)).get(
                "upl_" + "x" * 22
            )
