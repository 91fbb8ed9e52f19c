"""A conversion service in memory: every port, an engine that does what a test says, and faults where a test wants them."""

import hashlib
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
from services.conversion.worker.attempt import (
    ChooseNextConversion,
    MarkUploaded,
    RecoverStuckConversions,
    RunConversion,
)
from tests.fakes import A_SOURCE, FakeClock, a_conversion, an_upload

LEASE = 15.0
PATIENCE = 120.0
SOURCE = b"a song of twelve bytes, nearly"
RESULT = b"an mp3 of it"

Script = Callable[[SourceBytes, OutputSink, Callable[[EngineProgress], None]], ConversionResult]


def result_of(key: str, body: bytes) -> ConversionResult:
    return ConversionResult(key, len(body), 180.25, hashlib.sha256(body).hexdigest(), ())


def convert(
    source: SourceBytes, sink: OutputSink, tick: Callable[[EngineProgress], None]
) -> ConversionResult:
    """A conversion without surprises: reads all, says so, stores a small result."""
    assert b"".join(source.read(0, source.size)) == SOURCE
    tick(EngineProgress("converting", 50.0, speed=20.0, eta_seconds=4.5, source=A_SOURCE))
    return result_of(sink.finish_small(RESULT), RESULT)


def convert_in_parts(*bodies: bytes, before_finish: Callable[[], object] = lambda: None) -> Script:
    """A conversion whose result takes several parts; those that are there already are not sent again."""

    def script(
        source: SourceBytes, sink: OutputSink, tick: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        there = {part.number: part for part in sink.stored_parts()}
        parts: list[Part] = []
        for number, body in enumerate(bodies, 1):
            parts.append(there.get(number) or sink.put_part(number, body))
            tick(EngineProgress("converting", 100 * number / len(bodies)))
        before_finish()
        whole = b"".join(bodies)
        return result_of(sink.finish(parts, len(whole)), whole)

    return script


class FakeEngine(MediaEngine):
    """Does what its script says, and notes the jobs."""

    def __init__(self, script: Script = convert, recipe: str = "recipe") -> None:
        self.script = script
        self.its_recipe = recipe
        self.jobs: list[ConversionJob] = []

    def recipe(self, job: ConversionJob) -> str:
        return self.its_recipe

    def convert(
        self,
        job: ConversionJob,
        source: SourceBytes,
        sink: OutputSink,
        tick: Callable[[EngineProgress], None],
    ) -> ConversionResult:
        self.jobs.append(job)
        return self.script(source, sink, tick)


@dataclass
class World:
    """Everything that workers share. `clock` is the table's and the bucket's."""

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
        self.arrives = MarkUploaded(self.uploads, self.conversions, self.objects)
        self.following = ChooseNextConversion(self.queue, self.clock)
        self.rescue = RecoverStuckConversions(self.queue, self.arrives, PATIENCE, self.clock)

    def begun(self, owner: str = "anna", waiting: int = 1) -> tuple[Upload, list[Conversion]]:
        """An upload under way, and conversions that wait for it."""
        upload = an_upload(owner, self.clock(), size=len(SOURCE))
        wanted = [a_conversion(upload) for _ in range(waiting)]
        upload = replace(upload, conversions=tuple(c.id for c in wanted))
        self.uploads.create(upload, wanted)
        return upload, wanted

    def store(self, upload: Upload, body: bytes = SOURCE) -> None:
        """Its bytes are in the bucket."""
        self.objects.put(upload.key, body, "audio/wav", {})

    def queued(self, owner: str = "anna", **changes: Any) -> Conversion:
        """A conversion that may start, a moment younger than the one before."""
        upload, _ = self.begun(owner, waiting=0)
        self.store(upload)
        arrived = self.uploads.mark_uploaded(upload.id)
        created_at = self.clock() + next(self.serial) / 1000
        return self.conversions.create(
            a_conversion(upload, created_at=created_at, **changes), arrived
        )

    def run(self, engine: MediaEngine, worker: str = "worker-1") -> RunConversion:
        return RunConversion(
            self.uploads, self.conversions, self.leases, self.objects, self.multipart, engine, worker, LEASE
        )  # fmt: skip

    def now(self, conversion: Conversion) -> Conversion:
        return self.conversions.get(conversion.id)

    def outputs(self, conversion: Conversion) -> dict[str, bytes]:
        """Every object that attempts at it left."""
        keys = [info.key for info in self.objects.list(output_prefix(conversion.id))]
        return {key: self.bucket.objects[key].body for key in keys}

    def open_parts(self, conversion: Conversion) -> Sequence[str]:
        """Keys of the multipart uploads that attempts at it left open."""
        return [found.key for found in self.multipart.list_open(output_prefix(conversion.id))]

    def lease_ends(self) -> None:
        self.clock.advance(LEASE + 1)


def beating(_: float | None) -> None:
    """A heartbeat that nobody listens to."""
