"""Choose the next conversion, and recover those whose event was lost."""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import chain

import structlog

from libs.core.domain.conversions import RUNNING, Conversion, Phase
from libs.core.domain.fair_order import client_of, fair_order
from libs.core.domain.uploads import UploadStatus
from libs.core.errors import ObjectMissing, StorageUnavailable, UploadClosed, UploadNotFound
from libs.core.ports.conversion_queue import ConversionQueue
from libs.core.ports.conversions import ConversionStore
from libs.core.ports.objects import ObjectStore
from libs.core.ports.uploads import UploadStore
from services.conversion.worker.version_watch import VersionWatch

log = structlog.get_logger(__name__)

MAX_HANDLED = 10_000
"""Maximum number of uploads that are remembered as handled."""

SKIP_FOR = 10.0
"""Seconds in which a further event of an upload that was handled does not even cost a read."""

LOOKS_AT_ONCE = 20
"""Maximum number of uploads that are looked at before others have a turn."""

LONGEST_LOOK_PAUSE = 960.0
"""Maximum seconds between two looks at an upload. The pause doubles with each look."""

REMEMBER_SERVED_FOR = 600.0
"""Seconds for which it is remembered when a client and a session were last served."""


class MarkUploaded:
    """Mark an upload as uploaded when S3 has its bytes, and queue its waiting conversions.

    Those of an upload that has failed are queued, too: the worker that claims one finds nothing to
    convert, and fails it with a message for its owner.

    S3 sends an event each time that somebody posts the same form. If each event caused a read, and
    a write for each conversion, the events of other uploads would be handled late. So the uploads
    that were handled or are gone are remembered. Thread-safe.
    """

    def __init__(
        self,
        uploads: UploadStore,
        conversions: ConversionStore,
        objects: ObjectStore,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._uploads = uploads
        self._conversions = conversions
        self._objects = objects
        self._timer = timer
        self._handled: dict[str, tuple[float, float | None]] = {}
        """When each upload was handled last, and when it was created; None if it is gone."""

    def __call__(self, upload_id: str, *, even_if_handled: bool = False) -> Sequence[str]:
        """Return the conversions that may start now.

        There are none if the upload is gone, its object is missing or has another size, or it was
        handled before. With `even_if_handled`, an upload that was handled before is handled again.
        """
        handled_at, created_at = self._handled.get(upload_id, (float("-inf"), None))
        if not even_if_handled and self._timer() - handled_at < SKIP_FOR:
            return ()
        try:
            upload = self._uploads.get(upload_id)
            # A repeated request may create a removed upload again, under the same id.
            if created_at == upload.created_at and not even_if_handled:
                self._remember(upload_id, created_at)
                return ()
            found = (
                self._objects.head(upload.key).size
                if upload.status is UploadStatus.UPLOADING
                else upload.size
            )
            if upload.size not in (None, found):
                log.warning("upload.wrong_size", upload=upload_id)
                return ()
            # After `mark_uploaded` no conversion is added to the upload as waiting, so the upload
            # that it returns lists all that wait.
            if upload.status is not UploadStatus.FAILED:
                upload = self._uploads.mark_uploaded(upload_id, found)
        except (UploadNotFound, UploadClosed, ObjectMissing) as error:
            log_it = log.debug if even_if_handled else log.info
            log_it("upload.event_ignored", upload=upload_id, reason=error.code)
            if isinstance(error, UploadNotFound):
                self._remember(upload_id, None)
            return ()
        for conversion_id in upload.conversions:
            self._conversions.queue(conversion_id)
        self._remember(upload_id, upload.created_at)
        return upload.conversions

    def _remember(self, upload_id: str, created_at: float | None) -> None:
        if len(self._handled) >= MAX_HANDLED:
            self._handled.clear()
        self._handled[upload_id] = self._timer(), created_at


class ChooseNextConversion:
    """Choose for a free slot the next conversion, round robin between clients and sessions.

    Stalled conversions come first. When a worker has kept its slots for a suspect, the others get
    about as much time. During that time callers set `alone_last`: conversions that must run
    alone (`Conversion.must_run_alone`) come last then, except for paused ones.
    """

    def __init__(
        self,
        queue: ConversionQueue,
        versions: VersionWatch,
        lease: float,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """Use `lease`, the seconds without a write after which a running conversion is stalled."""
        self._queue = queue
        self._versions = versions
        self._lease = lease
        self._timer = timer
        self._last_served: dict[str, float] = {}

    def __call__(
        self,
        *,
        alone_last: bool = False,
        paused: Collection[str] = (),
        prefer_paused: bool = False,
    ) -> Conversion | None:
        """Return the conversion to claim or to continue next, or None if there is none.

        Args:
            alone_last: As in `order`.
            paused: As in `order`.
            prefer_paused: If True, a client whose turn it is continues a paused conversion, if it
                has one, before it starts another.
        """
        order = self.order(alone_last=alone_last, paused=paused)
        if not order:
            return None
        chosen = order[0]
        if prefer_paused:
            client = client_of(chosen)
            own = (c for c in order if c.id in paused and client_of(c) == client)
            chosen = next(own, chosen)
        self.note_chosen(chosen)
        return chosen

    def order(self, *, alone_last: bool = False, paused: Collection[str] = ()) -> list[Conversion]:
        """Return all conversions that can be claimed or continued, the next one first.

        Args:
            alone_last: If True, conversions that must run alone come after all others, unless they
                are paused.
            paused: Those that this worker has claimed and paused. They take turns with the others.
        """
        found = list(self._queue.in_phase(*RUNNING))
        paused_here = [c for c in found if c.id in paused]
        found = [c for c in found if c.id not in paused]
        stalled = self._versions.find_unchanged(found, self._lease)
        running = [c for c in found if c not in stalled]
        self._note_served(running)
        ready = [
            c
            for c in (*paused_here, *stalled, *self._queue.in_phase(Phase.QUEUED))
            # It needs something that this version lacks: a worker of a newer one claims it.
            if not c.unsupported
        ]
        order = fair_order(ready, running, self._last_served)
        # Stalled conversions come first: their turn had begun when their worker was lost.
        order.sort(key=lambda c: c not in stalled)
        if alone_last:
            order.sort(key=lambda c: c.must_run_alone and c.id not in paused)
        return order

    def note_chosen(self, conversion: Conversion) -> None:
        """Remember who was served, and have the conversion's item read again at the next look."""
        self._note_served([conversion])
        self._queue.forget(conversion.id)

    def _note_served(self, conversions: Iterable[Conversion]) -> None:
        """Remember when sessions and clients were served.

        A session whose conversion has just ended keeps its place behind the others.
        """
        now = self._timer()
        owners = chain.from_iterable((c.owner, client_of(c)) for c in conversions)
        served = {o: t for o, t in self._last_served.items() if now - t < REMEMBER_SERVED_FOR}
        served.update(dict.fromkeys(owners, now))
        self._last_served = served


class CheckAwaitedUploads:
    """Find uploads that have finished or failed, but for which conversions still wait.

    A visitor can create thousands of uploads that never arrive, and each look is a read and a
    request to S3. So each call looks at a few, those of all clients in turn, and an upload that has
    not arrived is looked at ever more rarely. What is remembered of an upload is forgotten when
    nothing waits for it any more. Several workers may look at the same.
    """

    def __init__(
        self,
        queue: ConversionQueue,
        mark_uploaded: MarkUploaded,
        versions: VersionWatch,
        min_wait_seconds: float,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """Check an upload once a conversion has waited for it for `min_wait_seconds` seconds.

        The pause before the second look is as long.
        """
        self._queue = queue
        self._mark_uploaded = mark_uploaded
        self._versions = versions
        self._min_wait_seconds = min_wait_seconds
        self._clock = clock
        self._timer = timer
        self._looks: dict[str, tuple[float, float]] = {}
        """For each upload, the pause after the last look at it, and when the pause ends."""

    def __call__(self) -> None:
        """Check some of the uploads that conversions have waited long for."""
        waiting = list(self._queue.in_phase(Phase.WAITING))
        # `updated_at` is of another host's clock. If it makes us look too early, that costs one
        # request to S3. If it would make us look too late, `_versions` has found the conversion
        # already: it uses only the clock of this process.
        before = self._clock() - self._min_wait_seconds
        late = [c for c in waiting if c.updated_at < before]
        late += self._versions.find_unchanged(waiting, self._min_wait_seconds)
        uploads = {c.upload_id: c for c in late}
        self._looks = {each: look for each, look in self._looks.items() if each in uploads}
        now = self._timer()
        due = [
            c
            for each, c in uploads.items()
            if each not in self._looks or self._looks[each][1] <= now
        ]
        for conversion in fair_order(due, ())[:LOOKS_AT_ONCE]:
            self._look(conversion.upload_id)

    def _look(self, upload_id: str) -> None:
        """Queue what waits for an upload if it has arrived. One that fails holds up no other."""
        try:
            self._mark_uploaded(upload_id, even_if_handled=True)
        except StorageUnavailable:
            raise  # it was not looked at
        except Exception:
            log.exception("upload.look_failed", upload=upload_id)
        before, _ = self._looks.get(upload_id, (0.0, 0.0))
        pause = min(max(self._min_wait_seconds, 2 * before), LONGEST_LOOK_PAUSE)
        self._looks[upload_id] = pause, self._timer() + pause
