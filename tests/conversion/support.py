"""Provide a conversion service in memory, with a fake engine."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from libs.core.adapters.memory import (
    MemoryBucket,
    MemoryConversionLeases,
    MemoryConversionQueue,
    MemoryConversionStore,
    MemoryInbox,
    MemoryMultipartUploads,
    MemoryObjectStore,
    MemoryTable,
    MemoryUploadStore,
)
from libs.core.domain.conversions import Conversion, output_prefix
from libs.core.domain.uploads import Upload
from libs.core.ports.multipart_uploads import Part
from services.conversion.ports import (
    ConversionJob,
    ConversionResult,
    EngineProgress,
    MediaEngine,
    OutputSink,
    SourceBytes,
)
from services.conversion.worker.attempt import RunConversion
from services.conversion.worker.heartbeat import Heartbeat
from services.conversion.worker.scheduling import (
    CheckAwaitedUploads,
    ChooseNextConversion,
    MarkUploaded,
)
from services.conversion.worker.version_watch import VersionWatch
from tests.fakes import A_SOURCE, FakeClock, a_conversion, an_upload

LEASE = 15.0
PATIENCE = 120.0
SOURCE = b"a song of twelve bytes, nearly"
RESULT = b"an mp3 of it"

Script = Callable[[SourceBytes, OutputSink, Callable[[EngineProgress], None]], ConversionResult]


def result_of(key: str, body: bytes) -> ConversionResult:
    return ConversionResult(key, len(body), 180.25, hashlib.sha256(body).hexdigest(), ())


def convert(
    source: SourceBytes, sink: OutputSink, on_progress: Callable[[EngineProgress], None]
) -> ConversionResult:
    """Read the whole source, report once, and store a small result."""
    assert b"".join(source.read(0, source.size)) == SOURCE
    on_progress(EngineProgress("converting", 50.0, speed=20.0, eta_seconds=4.5, source=A_SOURCE))
    return result_of(sink.finish_small(RESULT), RESULT)


def convert_in_parts(*bodies: bytes, before_finish: Callable[[], object] = lambda: None) -> Script:
    """Return a script that stores several parts, except those that are stored already."""

    def script(
        source: SourceBytes, sink: OutputSink, on_progress: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        there = {part.number: part for part in sink.stored_parts()}
        parts: list[Part] = []
        for number, body in enumerate(bodies, 1):
            parts.append(there.get(number) or sink.put_part(number, body))
            on_progress(EngineProgress("converting", 100 * number / len(bodies)))
        before_finish()
        whole = b"".join(bodies)
        return result_of(sink.finish(parts, len(whole)), whole)

    return script


class FakeEngine(MediaEngine):
    """Run a script in place of FFmpeg, and record the jobs."""

    def __init__(self, script: Script = convert, fingerprint: str = "fingerprint") -> None:
        self.script = script
        self._fingerprint = fingerprint
        self.jobs: list[ConversionJob] = []

    def encoder_fingerprint(self, job: ConversionJob) -> str:
        return self._fingerprint

    def convert(
        self,
        job: ConversionJob,
        source: SourceBytes,
        sink: OutputSink,
        on_progress: Callable[[EngineProgress], None],
    ) -> ConversionResult:
        self.jobs.append(job)
        return self.script(source, sink, on_progress)


@dataclass
class ConversionEnvironment:
    """Hold what workers share, in memory. `clock` is that of the table and the bucket."""

    clock: FakeClock = field(default_factory=FakeClock)
    serial: Any = field(default_factory=count)

    def __post_init__(self) -> None:
        self.table = MemoryTable(self.clock)
        self.bucket = MemoryBucket(self.clock)
        self.uploads = MemoryUploadStore(self.table)
        self.conversions = MemoryConversionStore(self.table)
        self.leases = MemoryConversionLeases(self.table)
        self.queue = MemoryConversionQueue(self.table)
        self.objects = MemoryObjectStore(self.bucket)
        self.multipart = MemoryMultipartUploads(self.bucket)
        self.inbox = MemoryInbox(LEASE, clock=self.clock)
        # One clock for all: a process and its table share it in these tests.
        self.mark_uploaded = MarkUploaded(self.uploads, self.conversions, self.objects, self.clock)
        self.choose_next = ChooseNextConversion(
            self.queue, VersionWatch(self.clock), LEASE, self.clock
        )
        self.check_awaited_uploads = CheckAwaitedUploads(
            self.queue,
            self.mark_uploaded,
            VersionWatch(self.clock),
            PATIENCE,
            self.clock,
            self.clock,
        )

    def start_upload(
        self, owner: str = "anna", waiting: int = 1
    ) -> tuple[Upload, list[Conversion]]:
        """Create an upload, and conversions that wait for it."""
        upload = an_upload(owner, self.clock(), size=len(SOURCE))
        wanted = [a_conversion(upload) for _ in range(waiting)]
        upload = replace(upload, conversions=tuple(c.id for c in wanted))
        self.uploads.create(upload, wanted)
        return upload, wanted

    def store_object(self, upload: Upload, body: bytes = SOURCE) -> None:
        """Put the bytes of an upload into the bucket."""
        self.objects.put(upload.key, body, "audio/wav", {})

    def add_queued(self, owner: str = "anna", **changes: Any) -> Conversion:
        """Create a conversion that may start, a moment younger than the one before."""
        upload, _ = self.start_upload(owner, waiting=0)
        self.store_object(upload)
        arrived = self.uploads.mark_uploaded(upload.id)
        created_at = self.clock() + next(self.serial) / 1000
        return self.conversions.create(
            a_conversion(upload, created_at=created_at, **changes), arrived
        )

    def runner(
        self,
        engine: MediaEngine,
        worker: str = "worker-1",
        timer: Callable[[], float] = time.monotonic,
    ) -> RunConversion:
        """Return the use case that runs an attempt with this engine."""
        return RunConversion(
            self.uploads,
            self.conversions,
            self.leases,
            self.objects,
            self.multipart,
            engine,
            worker,
            LEASE,
            timer,
        )

    def current(self, conversion: Conversion) -> Conversion:
        """Read a conversion as it is now."""
        return self.conversions.get(conversion.id)

    def outputs(self, conversion: Conversion) -> dict[str, bytes]:
        """Return every object that attempts at a conversion left, by key."""
        keys = [info.key for info in self.objects.list(output_prefix(conversion.id))]
        return {key: self.bucket.objects[key].body for key in keys}

    def open_parts(self, conversion: Conversion) -> Sequence[str]:
        """Return the keys of the multipart uploads that attempts at a conversion left open."""
        return [found.key for found in self.multipart.list_open(output_prefix(conversion.id))]

    def expire_leases(self) -> None:
        """Observe the running conversions for longer than a lease, in which no worker writes."""
        self.choose_next()
        self.clock.advance(LEASE + 1)

    def take_over(self, conversion: Conversion, worker: str) -> Conversion:
        """Claim a conversion that is queued, or whose lease has ended."""
        version = self.current(conversion).version
        claimed = self.leases.claim(conversion.id, worker, LEASE, version, alone=True)
        assert claimed
        return claimed

    def run_next(
        self,
        run: RunConversion,
        conversion: Conversion,
        heartbeat: Heartbeat | None = None,
    ) -> bool:
        """Run the next attempt of a conversion after the lease of the last one has ended."""
        version = self.current(conversion).version
        return run(conversion.id, heartbeat or ignore_heartbeat, version, alone=True)


def ignore_heartbeat(_: float | None, /, *, is_guess: bool) -> None:
    """Accept a heartbeat, and do nothing."""
