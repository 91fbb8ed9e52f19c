"""HTTP to progress and back: by poll, and by server-sent events."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter
from litestar.response.base import ASGIResponse

from libs.core.domain.ids import kind_of
from libs.core.domain.progress import Progress
from libs.core.web.schemas import failure_view
from libs.core.web.session import rfc3339
from services.progress.broadcaster import Broadcaster, OpenEventStream
from services.progress.event_stream import Block, FollowProgress, LastEvent
from services.progress.settings import ProgressSettings
from services.progress.sse import COMMENT, EventStream, event
from services.progress.subscription import RemovalNotice
from services.progress.use_cases import ReadProgress

NO_STORE = {"Cache-Control": "no-store"}

AT_ONCE = 50
"""Events that are written together at most."""

LastEventId = Annotated[str | None, HeaderParameter(name="Last-Event-ID")]


class ProgressController(Controller):
    """`/api/progress`"""

    path = "/api/progress"

    @get("/{item_id:str}", sync_to_thread=True, summary="How far an upload or a conversion is")
    def show(
        self,
        item_id: FromPath[str],
        owner: NamedDependency[str],
        read_progress: NamedDependency[ReadProgress],
        if_none_match: Annotated[str | None, HeaderParameter(name="If-None-Match")] = None,
    ) -> Response[dict[str, Any] | None]:
        progress = read_progress(owner, item_id)
        etag = f'"{progress.version}"'
        headers = {**NO_STORE, "ETag": etag}
        if if_none_match and _matches(if_none_match, etag):
            return Response(None, status_code=304, headers=headers)
        return Response(progress_view(progress), headers=headers)

    @get("/events", summary="Everything that the session has, as it changes")
    async def follow_session(
        self,
        owner: NamedDependency[str],
        hub: NamedDependency[Broadcaster],
        open_stream: NamedDependency[OpenEventStream],
        settings: NamedDependency[ProgressSettings],
        last_event_id: LastEventId = None,
    ) -> ASGIResponse:
        return _respond(await open_stream(owner, None, _last(last_event_id)), hub, settings)

    @get("/{item_id:str}/events", summary="One upload or conversion as it changes, until it ends")
    async def follow_one(
        self,
        item_id: FromPath[str],
        owner: NamedDependency[str],
        hub: NamedDependency[Broadcaster],
        open_stream: NamedDependency[OpenEventStream],
        settings: NamedDependency[ProgressSettings],
        last_event_id: LastEventId = None,
    ) -> ASGIResponse:
        follow = await open_stream(owner, item_id, _last(last_event_id))
        if follow.has_nothing_to_say:
            # Browsers begin again after every end of a stream, but for this answer.
            hub.unsubscribe(follow.subscription)
            return ASGIResponse(status_code=204, headers=NO_STORE)
        return _respond(follow, hub, settings)


def progress_view(progress: Progress) -> dict[str, Any]:
    """A *progress* of the contract, without what does not apply or is not known."""
    members = {
        "id": progress.id,
        "kind": progress.kind,
        "status": str(progress.status),
        "phase": str(progress.phase),
        "percent": progress.percent,
        "eta_seconds": progress.eta_seconds,
        "speed": progress.speed,
        "uploaded_bytes": progress.uploaded_bytes,
        "size": progress.size,
        "completed_parts": progress.completed_parts,
        "part_count": progress.part_count,
        "queue_position": progress.queue_position,
        "error": failure_view(progress.error),
        "version": progress.version,
        "updated_at": rfc3339(progress.updated_at),
    }
    return {name: value for name, value in members.items() if value is not None}


def _respond(follow: FollowProgress, hub: Broadcaster, settings: ProgressSettings) -> ASGIResponse:
    return EventStream(
        _written(follow.blocks()),
        hub.drained,
        settings.stream_lifetime,
        settings.write_limit,
        close=lambda: hub.unsubscribe(follow.subscription),
    )


async def _written(blocks: AsyncIterator[Block]) -> AsyncIterator[bytes]:
    async for block in blocks:
        for start in range(0, len(block), AT_ONCE):
            yield _events(block[start : start + AT_ONCE])


def _events(block: Block) -> bytes:
    written = bytearray()
    for news in block:
        if isinstance(news, Progress):
            written += event("progress", progress_view(news), f"{news.id}:{news.version}")
        elif isinstance(news, RemovalNotice):
            written += event(
                "removed", {"id": news.id, "kind": news.kind}, f"{news.id}:{news.version}"
            )
        else:
            written += COMMENT
    return bytes(written)


def _last(given: str | None) -> LastEvent | None:
    """What a `Last-Event-ID` names; None for one that is not ours."""
    item_id, _, version = (given or "").rpartition(":")
    if (
        kind_of(item_id) is None
        or not version.isascii()
        or not version.isdecimal()
        or len(version) > 15
    ):
        return None
    return LastEvent(item_id, int(version))


def _matches(if_none_match: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or etag in tags
