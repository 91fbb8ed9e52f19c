"""One stream: the present state, then changes as they come, read again where they may have been missed."""

import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TypeVar

import anyio
import structlog

from libs.core.domain.conversions import Phase
from libs.core.domain.ids import kind_of
from libs.core.domain.progress import Progress
from libs.core.errors import ConversionNotFound, ItemNotFound, UploadNotFound
from libs.core.ports.progress_reader import ProgressReader
from services.progress.subscription import ProgressUpdate, RemovalNotice, SentVersions, Subscription

log = structlog.get_logger(__name__)

T = TypeVar("T")

NOT_FOUND = (UploadNotFound, ConversionNotFound, ItemNotFound)

LONGEST_PAUSE = 10.0
"""Seconds between tries while the table is out of reach."""

SINGLY = 10
"""Queued conversions whose places are read one by one; more of them are read as a whole."""

READS_PER_SECOND = 50
"""Things read for one stream a second at most, where reading stands in for being told."""

LOOK_EVERY = 30.0
"""Seconds between reads while something is under way, whatever the feed says: a change that got lost shows by then."""


@dataclass(frozen=True)
class PollSchedule:
    """Seconds: between comments, and between reads where reading stands in for being told."""

    heartbeat: float = 15.0
    poll: float = 2.0


class KeepAlive(Enum):
    """EmptyBody new; still here."""

    BEAT = 0


@dataclass(frozen=True)
class LastEvent:
    """The last item that a client was told before, and its version."""

    item_id: str
    version: int


Block = Sequence[ProgressUpdate | KeepAlive]


class FollowProgress:
    """What one subscriber is sent. `begin` first; then `blocks`, once."""

    def __init__(
        self,
        subscription: Subscription,
        reader: ProgressReader,
        readers: anyio.CapacityLimiter,
        pace: PollSchedule,
        last: LastEvent | None = None,
    ) -> None:
        """`readers` limits the threads that all streams together read in."""
        self.subscription = subscription
        self._reader = reader
        self._readers = readers
        self._pace = pace
        self._last = last
        self._told = SentVersions()
        self._first: list[ProgressUpdate] = []
        self._read_at = self._beat_at = self._places_at = 0.0
        self._pause = pace.poll
        self._was_live = subscription.feed_is_live()
        self._moves_seen = subscription.queue_moves()

    async def begin(self) -> None:
        """Reads the present state. Raises UploadNotFound, ConversionNotFound, ItemNotFound, StorageUnavailable."""
        owner, item_id, last = self.subscription.owner, self.subscription.item_id, self._last
        found: list[ProgressUpdate] = []
        if item_id is not None:
            found.append(await self._in_thread(self._reader.get, item_id, owner))
        else:
            found += await self._in_thread(self._reader.of_owner, owner)
            there = {news.id for news in found}
            if last:
                found = [
                    *(removed for removed in self.subscription.missed if removed.id not in there),
                    *found,
                ]
            if last and last.item_id not in {news.id for news in found}:
                found.insert(0, await self._one(last.item_id, last.version))
        for news in found:
            told = self._told.tell(news)
            if told and (last is None or (news.id, news.version) != (last.item_id, last.version)):
                self._first.append(told)

    @property
    def has_nothing_to_say(self) -> bool:
        """Whether the client knows all that there will ever be."""
        return not self._first and self._ended

    async def blocks(self) -> AsyncIterator[Block]:
        """What to send, piece by piece; ends with the item that is followed, and never for a session."""
        now = time.monotonic()
        self._beat_at = now + self._pace.heartbeat
        # The listing is an index, a moment behind: what was created just before is not listed yet and told of no more.
        self._read_at = self._places_at = now + self._pace.poll
        yield self._first
        while not self._ended:
            await self.subscription.mailbox.wait(self._due() - time.monotonic())
            if block := await self._step():
                yield block

    @property
    def _ended(self) -> bool:
        single = self.subscription.item_id is not None
        return single and all(progress.terminal for progress in self._told.present())

    def _due(self) -> float:
        """When there is something to do even if nothing comes."""
        return min(
            self._beat_at, self._read_at, self._places_at if self._told.queued() else self._beat_at
        )

    async def _step(self) -> Block:
        news, reread = self.subscription.mailbox.take()
        block: list[ProgressUpdate | KeepAlive] = self._tell(await self._placed(news))
        now = time.monotonic()
        live = self.subscription.feed_is_live()
        if reread or live is not self._was_live:
            # All streams hear of a gap at the same moment: they must not all read at the same moment.
            self._read_at = min(self._read_at, now + random.uniform(0, self._pace.poll / 4))  # noqa: S311 -- no secret
        self._was_live = live
        if now >= self._read_at:
            block += await self._read(self._everything)
        elif now >= self._places_at:
            self._places_at = now + self._pace.poll
            if self._places_moved():
                block += await self._read(self._places)
        if time.monotonic() >= self._beat_at:
            block.append(KeepAlive.BEAT)
            self._beat_at = time.monotonic() + self._pace.heartbeat
        return block

    def _tell(self, found: Sequence[ProgressUpdate]) -> list[ProgressUpdate | KeepAlive]:
        return [told for news in found if (told := self._told.tell(news))]

    async def _read(
        self, what: Callable[[], Awaitable[list[ProgressUpdate]]]
    ) -> list[ProgressUpdate | KeepAlive]:
        """ProgressUpdate by reading. Where that fails it is tried again later: the stream stays."""
        try:
            found = await what()
        except Exception as error:
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
            self._read_at = time.monotonic() + self._pause
            log.warning(
                "progress.unread", reason=f"{type(error).__name__}: {error}", pause=self._pause
            )
            return []
        self._pause = self._pace.poll
        known = len(self._told.present())
        self._read_at = time.monotonic() + (
            LOOK_EVERY if self._was_live else max(self._pace.poll, known / READS_PER_SECOND)
        )
        return self._tell(found)

    async def _everything(self) -> list[ProgressUpdate]:
        found: list[ProgressUpdate] = []
        if self.subscription.item_id is None:
            found += await self._in_thread(self._reader.of_owner, self.subscription.owner)
        there = {news.id for news in found}
        unlisted = [progress for progress in self._told.present() if progress.id not in there]
        return found + [
            await self._one(known.id, known.version, known.created_at) for known in unlisted
        ]

    async def _placed(self, news: list[ProgressUpdate]) -> list[ProgressUpdate]:
        """ProgressUpdate, what has just been queued with its place: the change alone does not say it."""
        lacking = [
            found for found in news if isinstance(found, Progress) and found.phase == Phase.QUEUED
        ]
        if not 0 < len(lacking) <= SINGLY:
            return news
        try:
            placed = {
                found.id: await self._one(found.id, found.version, found.created_at)
                for found in lacking
            }
        except Exception:  # then without: places are read again, and that says why it fails
            return news
        return [placed.get(found.id, found) if found in lacking else found for found in news]

    async def _places(self) -> list[ProgressUpdate]:
        queued = self._told.queued()
        if len(queued) > SINGLY:
            return await self._everything()
        return [await self._one(known.id, known.version, known.created_at) for known in queued]

    def _places_moved(self) -> bool:
        moves = self.subscription.queue_moves()
        moved = moves != self._moves_seen or any(
            progress.queue_position is None for progress in self._told.queued()
        )
        self._moves_seen = moves
        return moved

    async def _one(self, item_id: str, version: int, created_at: float = 0.0) -> ProgressUpdate:
        """An item that was told of in this version: as it is now, or gone."""
        try:
            return await self._in_thread(self._reader.get, item_id, self.subscription.owner)
        except NOT_FOUND:
            kind = kind_of(item_id)
            assert kind is not None, "only what was well-formed is told of"
            return RemovalNotice(item_id, kind, version + 1, created_at)

    async def _in_thread(self, read: Callable[..., T], *arguments: str) -> T:
        return await anyio.to_thread.run_sync(
            partial(read, *arguments), limiter=self._readers, abandon_on_cancel=True
        )
