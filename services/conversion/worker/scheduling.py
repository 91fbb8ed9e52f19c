"""Choose the next conversion, and recover those that lost their event."""

import time
from collections import Counter
from collections.abc import Callable, Sequence

import structlog

from libs.core.domain.conversions import Conversion, Phase
from libs.core.domain.uploads import UploadStatus
from libs.core.errors import (
    ObjectMissing,
    UploadClosed,
    UploadNotFound,
)
from libs.core.ports.conversion_queue import ConversionQueue
from libs.core.ports.conversions import ConversionStore
from libs.core.ports.objects import ObjectStore
from libs.core.ports.uploads import UploadStore

log = structlog.get_logger(__name__)

RUNNING = (Phase.PROBING, Phase.CONVERTING, Phase.STORING)


class MarkUploaded:
    """S3 says that an upload's bytes are complete: it is `uploaded` from now on, and what waited for it is queued.

    What waits for an upload that has failed is queued, too: whoever takes it finds nothing to convert and says so to the person.
    """

    def __init__(
        self, uploads: UploadStore, conversions: ConversionStore, objects: ObjectStore
    ) -> None:
        self._uploads = uploads
        self._conversions = conversions
        self._objects = objects

    def __call__(self, upload_id: str) -> Sequence[str]:
        """The conversions that may start now; none for an upload that is gone or closed, or an event that runs ahead of the object."""
        try:
            upload = self._uploads.get(upload_id)
            found = (
                self._objects.head(upload.key).size
                if upload.status is UploadStatus.UPLOADING
                else upload.size
            )
            if upload.size not in (None, found):
                log.warning("upload.wrong_size", upload=upload_id)
                return ()
            # After this no conversion can be added as waiting, so the list it returns is all there are.
            upload = (
                upload
                if upload.status is UploadStatus.FAILED
                else self._uploads.mark_uploaded(upload_id, found)
            )
        except (UploadNotFound, UploadClosed, ObjectMissing) as error:
            log.info("upload.arrival_ignored", upload=upload_id, reason=error.code)
            return ()
        for conversion_id in upload.conversions:
            self._conversions.queue(conversion_id)
        return upload.conversions


class ChooseNextConversion:
    """Which conversion a free slot should take: of the session that has the fewest running, the oldest."""

    def __init__(self, queue: ConversionQueue, clock: Callable[[], float] = time.time) -> None:
        self._queue = queue
        self._clock = clock

    def __call__(self) -> Conversion | None:
        now = self._clock()
        running = list(self._queue.in_phase(*RUNNING))
        abandoned = [c for c in running if c.lease_until is not None and c.lease_until < now]
        busy = Counter(c.owner for c in running if c not in abandoned)
        ready = [*abandoned, *self._queue.in_phase(Phase.QUEUED)]
        return min(ready, key=lambda c: (busy[c.owner], c.created_at), default=None)


class RecoverStuckConversions:
    """Finds what a lost event left behind: conversions that wait for an upload which has arrived, or never will."""

    def __init__(
        self,
        queue: ConversionQueue,
        arrives: MarkUploaded,
        patience: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._queue = queue
        self._arrives = arrives
        self._patience = patience
        self._clock = clock

    def __call__(self) -> None:
        old = self._clock() - self._patience
        for upload_id in dict.fromkeys(
            c.upload_id for c in self._queue.in_phase(Phase.WAITING) if c.updated_at < old
        ):
            self._arrives(upload_id)
