"""Follow items for one subscriber: their present state, then changes, without going back."""

import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeVar

import structlog

from libs.core.domain.conversions import Phase
from libs.core.domain.ids import kind_of
from libs.core.domain.progress import Progress
from libs.core.errors import (
    ConversionNotFound,
    ItemNotFound,
    StorageUnavailable,
    UploadNotFound,
)
from libs.core.ports.progress_reader import ProgressReader
from libs.core.ports.revoked_sessions import RevokedSessions
from services.progress.reader_threads import ReaderThreads
from services.progress.subscription import ProgressUpdate, RemovalNotice, SentVersions, Subscription

log = structlog.get_logger(__name__)

T = TypeVar("T")

NOT_FOUND = (UploadNotFound, ConversionNotFound, ItemNotFound)

MAX_RETRY_DELAY = 10.0
"""Seconds between attempts to read while the table does not answer."""

MAX_SINGLE_READS = 10
"""New conversions that are read one by one for their positions. More of them wait for the next
look at the whole queue."""

READS_PER_SECOND = 50
"""Items that one stream reads a second at most while it polls."""

REFRESH_EVERY = 30.0
"""Seconds between reads while the feed is live. They find changes that the feed lost."""


@dataclass(frozen=True)
class PollSchedule:
    """Hold the seconds between keep-alive comments, and between reads while polling."""

    keep_alive: float = 15.0
    poll: float = 2.0


class KeepAlive(Enum):
    """Stand for a comment that keeps proxies from closing the connection."""

    COMMENT = 0


@dataclass(frozen=True)
class LastEvent:
    """Name the last item that a client received, and its version."""

    item_id: str
    version: int


Block = Sequence[ProgressUpdate | KeepAlive]


class FollowProgress:
    """Produce the updates for one subscriber. Call `begin` first, then `blocks` once."""

    def __init__(
        self,
        subscription: Subscription,
        reader: ProgressReader,
        readers: ReaderThreads,
        schedule: PollSchedule,
        revoked_sessions: RevokedSessions,
        last: LastEvent | None = None,
    ) -> None:
        """`readers` has the threads that all streams use to read."""
        self.subscription = subscription
        self._reader = reader
        self._readers = readers
        self._schedule = schedule
        self._revoked_sessions = revoked_sessions
        self._is_revoked = False
        self._last = last
        self._sent = SentVersions()
        self._first: list[ProgressUpdate] = []
        self._next_read = self._next_comment = self._next_positions = 0.0
        self._delay = schedule.poll
        self._was_live = subscription.feed_is_live()
        self._moves_seen = subscription.queue_moves()

    async def begin(self) -> None:
        """Read the present state.

        Raises:
            UploadNotFound: No upload of this owner has the id.
            ConversionNotFound: No conversion of this owner has the id.
            ItemNotFound: The id is of neither kind.
            StorageUnavailable: The table does not answer.
        """
        owner, item_id, last = self.subscription.owner, self.subscription.item_id, self._last
        found: list[ProgressUpdate] = []
        if item_id is not None:
            found.append(await self._in_thread(self._reader.get, item_id, owner))
        else:
            found += await self._in_thread(self._reader.of_owner, owner)
            present = {update.id for update in found}
            if last:
                missed = self.subscription.missed
                found = [*(removed for removed in missed if removed.id not in present), *found]
            if last and last.item_id not in {update.id for update in found}:
                found.insert(0, await self._read_one(last.item_id, last.version))
        for update in found:
            new = self._sent.next(update)
            if new and (
                last is None or (update.id, update.version) != (last.item_id, last.version)
            ):
                self._first.append(new)

    @property
    def is_over(self) -> bool:
        """Return True if the client knows the end already and nothing will follow."""
        return not self._first and self._has_ended

    async def blocks(self) -> AsyncIterator[Block]:
        """Yield blocks of updates.

        The stream of one item ends with its terminal state. Any stream ends when its session is
        revoked, which is looked up before each comment.
        """
        now = time.monotonic()
        self._next_comment = now + self._schedule.keep_alive
        # The listing is an eventually consistent index. It may lack an item that was created just
        # before, and no change announces that item again: so read once more soon.
        self._next_read = self._next_positions = now + self._schedule.poll
        yield self._first
        while not self._has_ended:
            await self.subscription.queue.wait(self._next_due() - time.monotonic())
            if block := await self._step():
                yield block

    @property
    def _has_ended(self) -> bool:
        is_single = self.subscription.item_id is not None
        return self._is_revoked or (
            is_single and all(progress.terminal for progress in self._sent.present())
        )

    def _next_due(self) -> float:
        """Return the time of the next action if no change arrives."""
        positions = self._next_positions if self._sent.queued() else self._next_comment
        return min(self._next_comment, self._next_read, positions)

    async def _step(self) -> Block:
        updates, must_reread = self.subscription.queue.take()
        block: list[ProgressUpdate | KeepAlive] = self._new(await self._with_positions(updates))
        now = time.monotonic()
        is_live = self.subscription.feed_is_live()
        if must_reread or is_live is not self._was_live:
            # All streams learn of a gap at the same moment. They should not all read then.
            jitter = random.uniform(0, self._schedule.poll / 4)  # noqa: S311 -- not a secret
            self._next_read = min(self._next_read, now + jitter)
        self._was_live = is_live
        if now >= self._next_read:
            block += await self._read(self._read_all)
        elif now >= self._next_positions:
            self._next_positions = now + self._schedule.poll
            if self._positions_changed():
                block += await self._read(self._read_positions)
        if time.monotonic() >= self._next_comment:
            # If the table does not answer, the stream goes on: it soon ends by its lifetime.
            with suppress(StorageUnavailable):
                owner = self.subscription.owner
                self._is_revoked = await self._in_thread(self._revoked_sessions.is_revoked, owner)
            if self._is_revoked:
                return []
            block.append(KeepAlive.COMMENT)
            self._next_comment = time.monotonic() + self._schedule.keep_alive
        return block

    def _new(self, found: Sequence[ProgressUpdate]) -> list[ProgressUpdate | KeepAlive]:
        return [new for update in found if (new := self._sent.next(update))]

    async def _read(
        self, read: Callable[[], Awaitable[list[ProgressUpdate]]]
    ) -> list[ProgressUpdate | KeepAlive]:
        """Return new updates. If reading fails, the stream stays open and tries again later."""
        try:
            found = await read()
        except Exception as error:
            self._delay = min(self._delay * 2, MAX_RETRY_DELAY)
            self._next_read = time.monotonic() + self._delay
            reason = f"{type(error).__name__}: {error}"
            log.warning("progress.read_failed", reason=reason, retry_in=self._delay)
            return []
        self._delay = self._schedule.poll
        count = len(self._sent.present())
        interval = (
            REFRESH_EVERY if self._was_live else max(self._schedule.poll, count / READS_PER_SECOND)
        )
        self._next_read = time.monotonic() + interval
        return self._new(found)

    async def _read_all(self) -> list[ProgressUpdate]:
        found: list[ProgressUpdate] = []
        if self.subscription.item_id is None:
            found += await self._in_thread(self._reader.of_owner, self.subscription.owner)
        present = {update.id for update in found}
        unlisted = [progress for progress in self._sent.present() if progress.id not in present]
        return found + [await self._reread(known) for known in unlisted]

    async def _with_positions(self, updates: list[ProgressUpdate]) -> list[ProgressUpdate]:
        """Add the queue position to conversions that were just queued: changes do not have it."""
        queued = [
            found
            for found in updates
            if isinstance(found, Progress) and found.phase == Phase.QUEUED
        ]
        if not 0 < len(queued) <= MAX_SINGLE_READS:
            return updates
        try:
            positioned = {found.id: await self._reread(found) for found in queued}
        except Exception:  # positions are read again later, and that failure is logged
            return updates
        return [positioned.get(found.id, found) if found in queued else found for found in updates]

    async def _read_positions(self) -> list[ProgressUpdate]:
        queued = self._sent.queued()
        if not queued:
            return []
        positions = await self._in_thread(self._reader.positions, self.subscription.owner)
        return [
            replace(known, queue_position=positions[known.id])
            for known in queued
            if known.id in positions
        ]

    def _positions_changed(self) -> bool:
        moves = self.subscription.queue_moves()
        changed = moves != self._moves_seen or any(
            progress.queue_position is None for progress in self._sent.queued()
        )
        self._moves_seen = moves
        return changed

    async def _reread(self, known: Progress) -> ProgressUpdate:
        return await self._read_one(known.id, known.version, known.created_at)

    async def _read_one(
        self, item_id: str, version: int, created_at: float = 0.0
    ) -> ProgressUpdate:
        """Read an item that was sent in this version; return a removal if it is gone."""
        try:
            return await self._in_thread(self._reader.get, item_id, self.subscription.owner)
        except NOT_FOUND:
            kind = kind_of(item_id)
            assert kind is not None, "only well-formed ids are sent"
            return RemovalNotice(item_id, kind, version + 1, created_at)

    async def _in_thread(self, read: Callable[..., T], *arguments: str) -> T:
        address = self.subscription.address or self.subscription.owner
        return await self._readers.run(address, read, *arguments)
