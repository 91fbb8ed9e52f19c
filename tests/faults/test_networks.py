"""Test throttling, lost replies and resets at random (faults 21, 31, 32 and 52).

The real adapters, on moto, through the fault proxy; an engine that writes two parts.
"""

from collections.abc import Iterator
from contextlib import suppress

import pytest
import stamina
from botocore.retries import standard

from libs.core.adapters.aws.conversions import DynamoDbConversionStore
from libs.core.adapters.aws.dynamodb.table import Table
from libs.core.adapters.aws.leases import DynamoDbConversionLeases
from libs.core.adapters.aws.multipart_uploads import S3MultipartUploads
from libs.core.adapters.aws.objects import S3ObjectStore
from libs.core.adapters.aws.uploads import DynamoDbUploadStore
from libs.core.domain.conversions import Conversion, output_prefix
from libs.core.domain.uploads import MIN_PART_SIZE
from libs.core.errors import StorageUnavailable
from services.conversion.storage import object_source, retry
from services.conversion.worker import progress_writer
from services.conversion.worker.attempt import RunConversion
from services.conversion.worker.retry_policy import MAX_ATTEMPTS
from tests.contracts.aws import AwsBackend, Connection, moto_running, reached_through
from tests.conversion.support import LEASE, FakeEngine, convert_in_parts, ignore_heartbeat
from tests.fakes import FakeClock, a_conversion, an_upload
from tests.fault_proxy import FAULTS, Fault, FaultProxy

SEEDS = range(20)
SOURCE = b"a source"
BODIES = (b"1" * MIN_PART_SIZE, b"the last")

Chances = dict[Fault, float]
OFTEN: Chances = {
    "throttle": 0.16,
    "drop request": 0.04,
    "drop response": 0.06,
    "truncate response": 0.04,
}
"""Three requests of ten meet a fault."""


@pytest.fixture(scope="module")
def moto() -> Iterator[Connection]:
    with moto_running() as connection:
        yield connection


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Retry without waiting."""
    monkeypatch.setattr(standard.ExponentialBackoff, "delay_amount", lambda *_: 0.0)
    monkeypatch.setattr(object_source, "READ_PAUSES", (0.0,) * len(object_source.READ_PAUSES))
    monkeypatch.setattr(progress_writer, "REPORT_EVERY", 0.0)
    with stamina.set_testing(True, attempts=retry.ATTEMPTS):
        yield


@pytest.mark.parametrize("seed", SEEDS)
def test_a_conversion_ends_completed_and_whole_whatever_the_network_does(
    moto: Connection, clock: FakeClock, seed: int
) -> None:
    proxy = FaultProxy(moto.endpoint, OFTEN, seed)
    try:
        with moto.table() as table_name, reached_through(proxy.url, moto) as shaky:
            straight = AwsBackend(moto, table_name, clock)
            conversion = add_queued(straight, clock)
            run_until_ended(shaky, straight, conversion, clock)
            published = straight.conversions.get(conversion.id)
            assert published.status == "completed", published
            assert published.output
            assert b"".join(
                straight.objects.read(published.output.key, 0, published.output.size)
            ) == b"".join(BODIES)
            assert [found.key for found in straight.objects.list(output_prefix(conversion.id))] == [
                published.output.key
            ]
            assert published.percent == 100
            assert published.output_upload is None
    finally:
        print(f"seed {seed}: {dict(proxy.log)}")
        proxy.close()


def add_queued(backend: AwsBackend, clock: FakeClock) -> Conversion:
    upload = an_upload(now=clock(), size=len(SOURCE))
    backend.uploads.create(upload, [])
    backend.objects.put(upload.key, SOURCE, "audio/wav", {})
    return backend.conversions.create(
        a_conversion(upload), backend.uploads.mark_uploaded(upload.id)
    )


def run_until_ended(
    shaky: Connection, straight: AwsBackend, conversion: Conversion, clock: FakeClock
) -> None:
    """Start attempts as workers do, each after the lease of the one before, until it ends."""
    table = Table(shaky.dynamodb, straight.table.name, clock)
    bucket = shaky.stack.bucket_name
    objects, multipart = S3ObjectStore(shaky.s3, bucket), S3MultipartUploads(shaky.s3, bucket)
    run = RunConversion(
        DynamoDbUploadStore(table),
        DynamoDbConversionStore(table),
        DynamoDbConversionLeases(table),
        objects,
        multipart,
        FakeEngine(convert_in_parts(*BODIES)),
        "worker",
        LEASE,
    )
    for _ in range(MAX_ATTEMPTS):
        with suppress(StorageUnavailable):  # as the worker's slot does: the lease ends by itself
            version = straight.conversions.get(conversion.id).version
            run(conversion.id, ignore_heartbeat, version, alone=True)
        if straight.conversions.get(conversion.id).status.is_terminal:
            return


def test_the_dice_are_the_same_for_the_same_seed() -> None:
    chances: Chances = dict.fromkeys(FAULTS, 0.2)
    one, other = (
        FaultProxy("http://127.0.0.1:9", chances, 7),
        FaultProxy("http://127.0.0.1:9", chances, 7),
    )

    drawn = [one.draw("s3") for _ in range(100)]
    assert drawn == [other.draw("s3") for _ in range(100)]

    assert set(drawn) == {None, *FAULTS}
    one.close()
    other.close()
