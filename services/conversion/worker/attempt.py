"""Running conversions: what an arrival sets off, which one is next, and one run from claim to publication."""

import time
from collections.abc import Callable
from contextlib import closing, suppress

import structlog

from libs.core.domain.conversions import Conversion, Output, OutputUpload, Phase, Source
from libs.core.domain.formats import find_format
from libs.core.domain.uploads import Failure, UploadStatus
from libs.core.errors import (
    ConversionNotFound,
    LeaseLost,
    MultipartUploadGone,
    ObjectMissing,
    StorageUnavailable,
    UploadNotFound,
)
from libs.core.ports.conversions import ConversionStore
from libs.core.ports.leases import ConversionLeases, ProgressReport
from libs.core.ports.multipart_uploads import MultipartUploads
from libs.core.ports.objects import ObjectStore
from libs.core.ports.uploads import UploadStore
from services.conversion.ports import (
    ConversionJob,
    ConversionResult,
    EngineProgress,
    MediaEngine,
    MediaError,
)
from services.conversion.storage.object_output import MultipartOutput
from services.conversion.storage.object_source import ObjectSource
from services.conversion.storage.retry import retry_write
from services.conversion.worker.heartbeat import Heartbeat, ReleaseRequested
from services.conversion.worker.scheduling import (
    ChooseNextConversion,
    MarkUploaded,
    RecoverStuckConversions,
)

log = structlog.get_logger(__name__)

MAX_LOST_ATTEMPTS = 3
"""Workers that one conversion may take down with it before it counts as the cause."""

REPORT_EVERY = 1.0
"""Seconds between two writes of progress: the table's price, and how soon a cancel is seen."""

MAX_ATTEMPTS = 12
"""Attempts of all kinds, also those that were handed back because S3 did not answer."""


class RunConversion:
    """One attempt at one conversion, under a lease. It may be killed at any moment: the next attempt makes up for it."""

    def __init__(
        self,
        uploads: UploadStore,
        conversions: ConversionStore,
        leases: ConversionLeases,
        objects: ObjectStore,
        multipart: MultipartUploads,
        engine: MediaEngine,
        worker: str,
        lease: float,
    ) -> None:
        self._uploads = uploads
        self._conversions = conversions
        self._leases = leases
        self._objects = objects
        self._multipart = multipart
        self._engine = engine
        self._worker = worker
        self._lease = lease

    def __call__(self, conversion_id: str, heartbeat: Heartbeat) -> bool:
        """Whether a message about it has done its work: True when it ended or was not to be had, False when it goes back to the queue.

        One that another worker holds is not to be had either: should that worker die, whoever looks around finds it.
        `heartbeat` is called about once a second with the seconds that are left (None: unknown) and may raise ReleaseRequested.
        """
        asked_at = time.monotonic()
        conversion = self._leases.claim(conversion_id, self._worker, self._lease)
        if conversion is None:
            return True
        log.info("conversion.claimed", conversion=conversion.id, attempt=conversion.attempts)
        attempt = _Attempt(conversion, self._leases, self._lease, heartbeat, asked_at)
        try:
            return self._attempt(conversion, attempt)
        except LeaseLost:
            log.info("conversion.lost", conversion=conversion.id, attempt=conversion.attempts)
            self._clean_up(conversion, attempt.sink)
            return True

    def _attempt(self, conversion: Conversion, attempt: "_Attempt") -> bool:
        try:
            if given_up := _given_up(conversion):
                raise given_up
            result = self._convert(conversion, attempt)
            self._publish(conversion, result, attempt.source)
            return True
        except LeaseLost:
            raise
        except (ReleaseRequested, StorageUnavailable, MultipartUploadGone) as error:
            # A multipart upload is gone where an attempt that lost its lease finished it: the next attempt begins another.
            log.info(
                "conversion.handed_back", conversion=conversion.id, reason=type(error).__name__
            )
            retry_write(lambda: self._leases.release(conversion))
            return False
        except Exception as error:
            failure = _failure(conversion, error)
            retry_write(lambda: self._leases.fail(conversion, failure))
            log.info(
                "conversion.failed",
                conversion=conversion.id,
                attempt=conversion.attempts,
                code=failure.code,
            )
            self._tidily(lambda: (attempt.sink or self._output(conversion, attempt)).discard())
            return True

    def _convert(self, conversion: Conversion, attempt: "_Attempt") -> ConversionResult:
        job = ConversionJob(conversion.format, conversion.options, conversion.id)
        upload = self._uploads.get(conversion.upload_id)
        if upload.status is UploadStatus.FAILED or upload.size is None:
            raise ObjectMissing(f"The upload {upload.id} failed.")
        attempt.sink = self._output(conversion, attempt, self._engine.recipe(job))
        with closing(ObjectSource(self._objects, upload.key, upload.size)) as source:
            return self._engine.convert(job, source, attempt.sink, attempt.tick)

    def _publish(
        self, conversion: Conversion, result: ConversionResult, source: Source | None
    ) -> None:
        media_type = find_format(conversion.format).media_type
        output = Output(
            result.key, conversion.filename, result.size, media_type, result.duration, result.sha256
        )
        retry_write(lambda: self._leases.publish(conversion, output, result.warnings, source))
        log.info(
            "conversion.completed",
            conversion=conversion.id,
            attempt=conversion.attempts,
            bytes=result.size,
        )

    def _output(
        self, conversion: Conversion, attempt: "_Attempt", recipe: str = ""
    ) -> MultipartOutput:
        """Where this attempt writes; without a recipe it takes over nothing, and aborts what the attempt before left."""
        return MultipartOutput(self._objects, self._multipart, conversion, recipe, attempt.begun)

    def _clean_up(self, conversion: Conversion, sink: MultipartOutput | None) -> None:
        """After the lease was lost: what this attempt wrote goes, but for what another attempt published or goes on with."""

        def discard() -> None:
            spared: list[str] = []
            with suppress(ConversionNotFound):
                now = self._conversions.get(conversion.id)
                spared = [kept.key for kept in (now.output, now.output_upload) if kept]
            if sink:
                sink.discard(spared)

        self._tidily(discard)

    def _tidily(self, discard: Callable[[], None]) -> None:
        try:
            discard()
        except StorageUnavailable:
            log.info("output.left_to_the_janitor")


def _given_up(conversion: Conversion) -> MediaError | None:
    """Why no further attempt is made, if none is."""
    if conversion.attempts - conversion.released > MAX_LOST_ATTEMPTS:
        return MediaError(
            "worker_lost", "This file made our converter stop several times, so we gave it up."
        )
    if conversion.attempts > MAX_ATTEMPTS:
        return MediaError(
            "storage_unavailable",
            "Our storage did not hold long enough to convert this file. Please try again later.",
        )
    return None


def _failure(conversion: Conversion, error: Exception) -> Failure:
    """What a person is told about an attempt that nobody need repeat."""
    if isinstance(error, (UploadNotFound, ObjectMissing)):
        return Failure("corrupt", "The uploaded file is no longer there. Please upload it again.")
    if isinstance(error, MediaError):
        log.warning(
            "conversion.refused",
            conversion=conversion.id,
            code=error.code,
            ffmpeg=error.operator_detail,
        )
        return Failure(error.code, error.detail)
    log.error("conversion.broke", conversion=conversion.id, exc_info=error)
    return Failure("internal", "Something went wrong on our side. Please try again.")


class _Attempt:
    """Turns the engine's many ticks into one write a second, which is progress, lease and cancellation in one."""

    def __init__(
        self,
        conversion: Conversion,
        leases: ConversionLeases,
        lease: float,
        heartbeat: Heartbeat,
        asked_at: float,
    ) -> None:
        self._conversion = conversion
        self._leases = leases
        self._lease = lease
        self._heartbeat = heartbeat
        self._held_until = asked_at + lease
        self._next = (
            time.monotonic() + REPORT_EVERY
        )  # the claim has just written all there is to say
        self._output_upload: OutputUpload | None = None
        self.source: Source | None = None
        self.sink: MultipartOutput | None = None

    def begun(self, output_upload: OutputUpload) -> None:
        self._output_upload = output_upload
        self._next = 0.0

    def tick(self, tick: EngineProgress) -> None:
        self.source = tick.source or self.source
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + REPORT_EVERY
        report = ProgressReport(
            Phase(tick.phase),
            tick.percent,
            tick.speed,
            tick.eta_seconds,
            self.source,
            self._output_upload,
        )
        try:
            self._leases.report(self._conversion, report, self._lease)
            self._held_until = now + self._lease
        except StorageUnavailable:
            # Progress is shed first; but a lease that cannot be renewed is let go before it ends.
            if time.monotonic() + REPORT_EVERY >= self._held_until:
                raise
        # After the report: a worker that stops leaves its parts to the next by it. What is being stored is nearly done.
        self._heartbeat(0.0 if tick.phase == Phase.STORING else tick.eta_seconds)


__all__ = [
    "ChooseNextConversion",
    "MarkUploaded",
    "RecoverStuckConversions",
    "ReleaseRequested",
    "RunConversion",
]
