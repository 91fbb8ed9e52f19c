"""Open an event stream: subscribe, then read the present state."""

from libs.core.ports.progress_reader import ProgressReader
from libs.core.ports.revoked_sessions import RevokedSessions
from services.progress.broadcaster import Broadcaster
from services.progress.follow_progress import FollowProgress, LastEvent, PollSchedule
from services.progress.reader_threads import ReaderThreads


class OpenEventStream:
    """Subscribe first and read the present state then, so that no change is missed between."""

    def __init__(
        self,
        broadcaster: Broadcaster,
        reader: ProgressReader,
        readers: ReaderThreads,
        schedule: PollSchedule,
        revoked_sessions: RevokedSessions,
    ) -> None:
        self._broadcaster = broadcaster
        self._reader = reader
        self._readers = readers
        self._schedule = schedule
        self._revoked_sessions = revoked_sessions

    async def __call__(
        self,
        owner: str,
        item_id: str | None = None,
        last: LastEvent | None = None,
        address: str | None = None,
    ) -> FollowProgress:
        """Return a stream whose present state is read.

        Raises:
            RateLimited: The session, the address or the process has too many streams.
            UploadNotFound: No upload of this owner has the id.
            ConversionNotFound: No conversion of this owner has the id.
            ItemNotFound: The id is of neither kind.
            StorageUnavailable: The table does not answer.
        """
        subscription = self._broadcaster.subscribe(owner, item_id, address)
        try:
            follow = FollowProgress(
                subscription,
                self._reader,
                self._readers,
                self._schedule,
                self._revoked_sessions,
                last,
            )
            await follow.begin()
        except BaseException:
            self._broadcaster.unsubscribe(subscription)
            raise
        return follow
