"""Run one attempt at a conversion, from claim to publication, under a lease."""

import time
from collections.abc import Callable
from contextlib import closing, suppress

import structlog

from libs.core.domain.conversions import Conversion, Output, Source
from libs.core.domain.formats import find_format
from libs.core.domain.uploads import UploadStatus
from libs.core.errors import (
    ConversionNotFound,
    LeaseLost,
    ObjectMissing,
    StorageUnavailable,
)
from libs.core.ports.conversions import ConversionStore
from libs.core.ports.leases import ConversionLeases
from libs.core.ports.multipart_uploads import MultipartUploads
from libs.core.ports.objects import ObjectStore
from libs.core.ports.uploads import UploadStore
from services.conversion.ports import (
    ConversionJob,
    ConversionResult,
    MediaEngine,
    never_paused,
)
from services.conversion.storage.object_output import MultipartOutput
from services.conversion.storage.object_source import ObjectSource
from services.conversion.storage.retry import retry_write
from services.conversion.worker.claimed_conversions import ClaimedConversions
from services.conversion.worker.heartbeat import Heartbeat, ReleaseRequested
from services.conversion.worker.progress_writer import ProgressWriter
from services.conversion.worker.retry_policy import check_attempts, failure_of, may_succeed_later
from services.conversion.worker.spans import span, span_of
from services.conversion.worker.unfinished import UnfinishedAttempts

log = structlog.get_logger(__name__)


class RunConversion:
    """Run one attempt at one conversion.

    The process may be killed at any moment: another worker then makes the next attempt. `claimed`
    holds the attempts that run now, `unfinished` those whose end could not be written.
    """

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
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._uploads = uploads
        self._conversions = conversions
        self._leases = leases
        self._objects = objects
        self._multipart = multipart
        self._engine = engine
        self._worker = worker
        self._lease = lease
        self._timer = timer
        self.claimed = ClaimedConversions(leases)
        self.unfinished = UnfinishedAttempts(leases)

    def __call__(
        self,
        conversion_id: str,
        heartbeat: Heartbeat,
        takeover_version: int | None = None,
        *,
        alone: bool = False,
        is_paused: Callable[[], bool] = never_paused,
        on_claimed: Callable[[Conversion], None] = lambda _: None,
    ) -> bool:
        """Run an attempt, if this worker can claim the conversion.

        Args:
            conversion_id: The conversion to run.
            heartbeat: Called at each progress report; it may end the attempt.
            takeover_version: The version of a running conversion whose lease has ended.
            alone: As in `ConversionLeases.claim`.
            is_paused: Returns True while the attempt must not continue.
            on_claimed: Called with the conversion once it is claimed.

        Returns:
            False if the attempt released the conversion, so that its message must come again.
            True if the message may be deleted: the conversion has ended, or this worker could not
            claim it or lost its lease. If the conversion has to run later, workers that poll the
            queue find it.

        Raises:
            StorageUnavailable: DynamoDB did not answer to the claim, or to the write at the end of
                the attempt. In the second case `unfinished` keeps the attempt.
        """
        claimed_at = self._timer()
        conversion = self._leases.claim(
            conversion_id, self._worker, self._lease, takeover_version, alone=alone
        )
        if conversion is None:
            return True
        log.info("conversion.claimed", conversion=conversion.id, attempt=conversion.attempts)
        on_claimed(conversion)
        progress = ProgressWriter(
            conversion, self._leases, self._lease, heartbeat, claimed_at, self._timer
        )
        attempt = _Attempt(conversion, progress, is_paused)
        try:
            with span_of(conversion), self.claimed.holding(conversion):
                return self._run(attempt)
        except LeaseLost:
            log.info("conversion.lease_lost", conversion=conversion.id, attempt=conversion.attempts)
            _try_to_discard(lambda: self._discard_unpublished(attempt))
            # This worker is alive: it may have been frozen, so that another one took it for dead.
            self.unfinished.add(conversion)
            self.unfinished.settle()
            return True
        except StorageUnavailable:
            self.unfinished.add(conversion)
            raise

    def _run(self, attempt: "_Attempt") -> bool:
        conversion = attempt.conversion
        try:
            check_attempts(conversion)
            result = self._convert(attempt)
            self._publish(conversion, result, attempt.progress.source)
            return True
        except LeaseLost:
            raise
        except Exception as error:
            if may_succeed_later(error):
                reason = type(error).__name__
                log.info("conversion.released", conversion=conversion.id, reason=reason)
                yielded = isinstance(error, ReleaseRequested)
                retry_write(lambda: self._leases.release(conversion, yielded=yielded))
                return False
            failure = failure_of(conversion, error)
            retry_write(lambda: self._leases.fail(conversion, failure))
            log.info(
                "conversion.failed",
                conversion=conversion.id,
                attempt=conversion.attempts,
                code=failure.code,
            )
            # If this attempt opened no output, open one with an empty fingerprint. The multipart
            # upload of a previous attempt has another fingerprint, so opening aborts it.
            _try_to_discard(lambda: (attempt.output or self._open_output(attempt, "")).discard())
            return True

    def _convert(self, attempt: "_Attempt") -> ConversionResult:
        conversion = attempt.conversion
        job = ConversionJob(conversion.format, conversion.options, conversion.id, attempt.is_paused)
        upload = self._uploads.get(conversion.upload_id)
        if upload.status is UploadStatus.FAILED or upload.size is None:
            raise ObjectMissing(f"The upload {upload.id} failed.")
        attempt.output = self._open_output(attempt, self._engine.encoder_fingerprint(job))
        with (
            span("encode", format=conversion.format),
            closing(ObjectSource(self._objects, upload.key, upload.size)) as source,
        ):
            return self._engine.convert(job, source, attempt.output, attempt.progress.on_progress)

    def _publish(
        self, conversion: Conversion, result: ConversionResult, source: Source | None
    ) -> None:
        output = Output(
            result.key,
            conversion.filename,
            result.size,
            find_format(conversion.format).media_type,
            result.duration,
            result.sha256,
        )
        with span("publish"):
            retry_write(
                lambda: self._leases.publish(conversion, output, result.warning_details, source)
            )
        log.info(
            "conversion.completed",
            conversion=conversion.id,
            attempt=conversion.attempts,
            bytes=result.size,
        )

    def _open_output(self, attempt: "_Attempt", encoder_fingerprint: str) -> MultipartOutput:
        """Return where this attempt writes.

        The parts of an earlier attempt are reused if they were made with the same fingerprint, and
        aborted if not.
        """
        return MultipartOutput(
            self._objects,
            self._multipart,
            attempt.conversion,
            encoder_fingerprint,
            attempt.progress.on_output_upload,
        )

    def _discard_unpublished(self, attempt: "_Attempt") -> None:
        """Delete what this attempt wrote, unless another attempt published it or continues it."""
        spared: list[str] = []
        with suppress(ConversionNotFound):
            current = self._conversions.get(attempt.conversion.id)
            spared = [kept.key for kept in (current.output, current.output_upload) if kept]
        if attempt.output:
            attempt.output.discard(spared)


class _Attempt:
    """Hold the conversion, the progress writer and the output of one attempt.

    `output` is None until it is opened.
    """

    def __init__(
        self, conversion: Conversion, progress: ProgressWriter, is_paused: Callable[[], bool]
    ) -> None:
        self.conversion = conversion
        self.progress = progress
        self.is_paused = is_paused
        self.output: MultipartOutput | None = None


def _try_to_discard(discard: Callable[[], None]) -> None:
    try:
        discard()
    except StorageUnavailable:
        # The janitor's sweep finds it.
        log.info("conversion.output_not_discarded")
