"""Run workers whose clocks differ by ten minutes against one table (fault 40)."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from libs.core.adapters.aws.conversion_queue import DynamoDbConversionQueue
from libs.core.adapters.aws.conversions import DynamoDbConversionStore
from libs.core.adapters.aws.dynamodb.table import Table
from libs.core.adapters.aws.leases import DynamoDbConversionLeases
from libs.core.adapters.aws.multipart_uploads import S3MultipartUploads
from libs.core.adapters.aws.objects import S3ObjectStore
from libs.core.adapters.aws.uploads import DynamoDbUploadStore
from libs.core.adapters.memory import MemoryInbox
from libs.core.domain.conversions import Conversion, output_prefix
from services.conversion.ports import ConversionResult, EngineProgress, OutputSink, SourceBytes
from services.conversion.worker.attempt import RunConversion
from services.conversion.worker.loop import Worker
from services.conversion.worker.scheduling import (
    CheckAwaitedUploads,
    ChooseNextConversion,
    MarkUploaded,
)
from services.conversion.worker.version_watch import VersionWatch
from tests.contracts.aws import AwsBackend, Connection, moto_running
from tests.conversion.support import SOURCE, FakeEngine, convert
from tests.fakes import FakeClock, a_conversion, an_upload
from tests.fault_injection import eventually
from tests.seeds import draw_seeds

pytestmark = pytest.mark.timeout(300)

SKEWS = (0.0, 600.0, -600.0, 0.0)
"""Seconds that each host is ahead."""
CONVERSIONS = 40
LEASE = 8.0
TAKEOVER = 60.0
"""Seconds from a death until another worker has the conversion, at most."""


class Host:
    """Run a worker by a clock of its own. After `die` it neither writes nor claims anything."""

    def __init__(self, moto: Connection, table_name: str, skew: float, rng: random.Random) -> None:
        self._rng = rng
        self._dead = threading.Event()
        self._wakes = threading.Event()

        def clock() -> float:
            return time.time() + skew

        table = Table(moto.dynamodb, table_name, clock)
        bucket = moto.stack.bucket_name
        objects = S3ObjectStore(moto.s3, bucket)
        uploads, store = DynamoDbUploadStore(table), DynamoDbConversionStore(table)
        queue, leases = DynamoDbConversionQueue(table), DynamoDbConversionLeases(table)
        self.claimed: list[str] = []
        claim = leases.claim

        def record_claim(*args: Any, **kwargs: Any) -> Conversion | None:
            claimed = claim(*args, **kwargs)
            if claimed:
                self.claimed.append(claimed.id)
            return claimed

        vars(leases)["claim"] = record_claim
        self.run = RunConversion(
            uploads,
            store,
            leases,
            objects,
            S3MultipartUploads(moto.s3, bucket),
            FakeEngine(self._convert),
            f"worker-{skew}-{rng.random()}",
            LEASE,
        )
        mark_uploaded = MarkUploaded(uploads, store, objects)
        self.worker = Worker(
            MemoryInbox(LEASE),
            self.run,
            ChooseNextConversion(queue, VersionWatch(), LEASE),
            mark_uploaded,
            CheckAwaitedUploads(queue, mark_uploaded, VersionWatch(), 120, clock),
            slots=2,
            lease=LEASE,
            drain=0.1,
        )
        self.worker.start()

    def _convert(
        self, source: SourceBytes, sink: OutputSink, on_progress: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        end = time.monotonic() + self._rng.uniform(0.1, 2.5)
        while time.monotonic() < end:
            if self._dead.is_set():
                self._wakes.wait()
            on_progress(EngineProgress("converting", 10.0, eta_seconds=1.0))
            time.sleep(0.05)  # the interval at which FFmpeg reports
        return convert(source, sink, on_progress)

    def die(self) -> list[str]:
        """Stop in the middle of everything, and return the ids of what was running."""
        self.worker._loops.stop.set()
        self.worker._slots.close()
        self._dead.set()
        return list(self.run.claimed.by_id())

    def wake(self) -> None:
        """Go on as a zombie."""
        self._wakes.set()


@pytest.fixture(scope="module")
def moto() -> Iterator[Connection]:
    with moto_running() as connection:
        yield connection


def add_queued(backend: AwsBackend, owner: str) -> Conversion:
    upload = an_upload(owner, time.time(), size=len(SOURCE))
    backend.uploads.create(upload, [])
    backend.objects.put(upload.key, SOURCE, "audio/wav", {})
    return backend.conversions.create(
        a_conversion(upload), backend.uploads.mark_uploaded(upload.id)
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", draw_seeds())
def test_wrong_clocks_lose_no_conversion_and_steal_no_lease(moto: Connection, seed: int) -> None:
    rng = random.Random(seed)
    with moto.table() as table_name:
        backend = AwsBackend(moto, table_name, FakeClock(time.time()))
        made = [add_queued(backend, f"session-{n % 7}") for n in range(CONVERSIONS)]
        hosts = [Host(moto, table_name, skew, random.Random(rng.random())) for skew in SKEWS]

        def now() -> list[Conversion]:
            return [backend.conversions.get(each.id) for each in made]

        lost: list[str] = []
        takeovers: list[float] = []
        for victim in (hosts[1], hosts[2]):  # the one ahead, then the one behind
            eventually(victim.run.claimed.by_id, 60)
            died_at, running = time.monotonic(), victim.die()
            orphaned = {c.id: c.attempts for c in now() if c.id in running}
            lost += orphaned

            def is_taken(orphaned: dict[str, int] = orphaned) -> bool:
                return all(
                    c.attempts > orphaned[c.id] or c.status.is_terminal
                    for c in now()
                    if c.id in orphaned
                )

            eventually(is_taken, TAKEOVER)
            takeovers.append(time.monotonic() - died_at)
        eventually(lambda: all(c.status.is_terminal for c in now()), 120)
        for host in hosts:
            host.wake()
            host.worker.stop()

        ended = now()
        print(f"{len(lost)} lost with their worker, taken over within {max(takeovers):.1f} s")
        assert {c.status for c in ended} == {"completed"}
        kept = Counter(each for host in (hosts[0], hosts[3]) for each in host.claimed)
        released = {c.id: c.yielded for c in ended}
        assert [each for each, times in kept.items() if times > 1 + released[each]] == [], "stolen"
        for c in ended:
            claims = [host for host in hosts for each in host.claimed if each == c.id]
            ends = sum(host in (hosts[1], hosts[2]) for host in claims) + c.yielded
            assert c.attempts <= 1 + ends, f"stolen from a living worker: {c}"
        for c in ended:
            assert c.output
            prefix = output_prefix(c.id)
            assert [found.key for found in backend.objects.list(prefix)] == [c.output.key]
