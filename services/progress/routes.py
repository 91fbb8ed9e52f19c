"""Translate HTTP requests for progress to use cases, and their results to HTTP."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from litestar import Controller, Request, Response, get
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, HeaderParameter
from litestar.response.base import ASGIResponse

from libs.core import errors
from libs.core.domain.ids import kind_of
from libs.core.domain.progress import Progress
from libs.core.rate_limiter import Usage
from libs.core.web.concurrency import permit_of
from libs.core.web.openapi import no_content, problems
from services.progress.broadcaster import Broadcaster
from services.progress.follow_progress import Block, FollowProgress, LastEvent
from services.progress.open_stream import OpenEventStream
from services.progress.schemas import EventSchema, ProgressSchema, RemovedSchema
from services.progress.settings import ProgressSettings
from services.progress.sse import COMMENT, EventStream, event
from services.progress.subscription import RemovalNotice
from services.progress.use_cases import ReadProgress

NO_STORE = {"Cache-Control": "no-store"}
ETAG = ResponseHeader(name="ETag", description="the version", value="", documentation_only=True)

MAX_EVENTS_PER_WRITE = 50

MAX_VERSION_DIGITS = 15

LastEventId = Annotated[str | None, HeaderParameter(name="Last-Event-ID")]

NOT_FOUND = (errors.UploadNotFound, errors.ConversionNotFound, errors.ItemNotFound)
EVENTS = ResponseSpec(
    EventSchema,
    generate_examples=False,
    description="Server-sent events: `progress` with a Progress, `removed` with a Removed.",
    media_type="text/event-stream",
)


class ProgressController(Controller):
    """Serve `/api/progress`."""

    path = "/api/progress"

    @get(
        "/{item_id:str}",
        sync_to_thread=True,
        operation_id="getProgress",
        summary="Show the progress of an upload or a conversion",
        response_headers=[ETAG],
        responses={
            304: no_content("The version is that of `If-None-Match`."),
            **problems(*NOT_FOUND),
        },
    )
    def show(
        self,
        item_id: FromPath[str],
        owner: NamedDependency[str],
        read_progress: NamedDependency[ReadProgress],
        if_none_match: Annotated[str | None, HeaderParameter(name="If-None-Match")] = None,
    ) -> Response[ProgressSchema]:
        progress = read_progress(owner, item_id)
        etag = f'"{progress.version}"'
        headers = {**NO_STORE, "ETag": etag}
        if if_none_match and _matches(if_none_match, etag):
            unchanged: Response[Any] = Response(None, status_code=304, headers=headers)
            return unchanged
        return Response(ProgressSchema.of(progress), headers=headers)

    @get(
        "/events",
        is_costly=True,
        operation_id="followSession",
        summary="Follow everything of the session by server-sent events",
        responses={200: EVENTS, **problems()},
    )
    async def follow_session(
        self,
        request: Request[Any, Any, Any],
        owner: NamedDependency[str],
        usage: NamedDependency[Usage],
        broadcaster: NamedDependency[Broadcaster],
        open_stream: NamedDependency[OpenEventStream],
        settings: NamedDependency[ProgressSettings],
        last_event_id: LastEventId = None,
    ) -> ASGIResponse:
        follow = await open_stream(owner, None, _last_event(last_event_id), usage.address)
        permit_of(request).release()
        return _respond(follow, broadcaster, settings)

    @get(
        "/{item_id:str}/events",
        is_costly=True,
        operation_id="followItem",
        summary="Follow one upload or conversion by server-sent events until it ends",
        responses={
            200: EVENTS,
            204: no_content("`Last-Event-ID` is the end already. Do not reconnect."),
            **problems(*NOT_FOUND),
        },
    )
    async def follow_one(
        self,
        request: Request[Any, Any, Any],
        item_id: FromPath[str],
        owner: NamedDependency[str],
        usage: NamedDependency[Usage],
        broadcaster: NamedDependency[Broadcaster],
        open_stream: NamedDependency[OpenEventStream],
        settings: NamedDependency[ProgressSettings],
        last_event_id: LastEventId = None,
    ) -> ASGIResponse:
        follow = await open_stream(owner, item_id, _last_event(last_event_id), usage.address)
        permit_of(request).release()
        if follow.is_over:
            # Browsers reconnect after every end of a stream, but not after this answer.
            broadcaster.unsubscribe(follow.subscription)
            return ASGIResponse(status_code=204, headers=NO_STORE)
        return _respond(follow, broadcaster, settings)


def _respond(
    follow: FollowProgress, broadcaster: Broadcaster, settings: ProgressSettings
) -> ASGIResponse:
    return EventStream(
        _encode(follow.blocks()),
        broadcaster.draining,
        settings.stream_lifetime,
        settings.write_timeout,
        close=lambda: broadcaster.unsubscribe(follow.subscription),
    )


async def _encode(blocks: AsyncIterator[Block]) -> AsyncIterator[bytes]:
    async for block in blocks:
        for start in range(0, len(block), MAX_EVENTS_PER_WRITE):
            yield _events(block[start : start + MAX_EVENTS_PER_WRITE])


def _events(block: Block) -> bytes:
    encoded = bytearray()
    for update in block:
        if isinstance(update, Progress):
            data: ProgressSchema | RemovedSchema = ProgressSchema.of(update)
            encoded += event("progress", data, f"{update.id}:{update.version}")
        elif isinstance(update, RemovalNotice):
            data = RemovedSchema(id=update.id, kind=update.kind)
            encoded += event("removed", data, f"{update.id}:{update.version}")
        else:
            encoded += COMMENT
    return bytes(encoded)


def _last_event(given: str | None) -> LastEvent | None:
    """Parse a `Last-Event-ID`; return None for one that this service did not send."""
    item_id, _, version = (given or "").rpartition(":")
    is_number = version.isascii() and version.isdecimal() and len(version) <= MAX_VERSION_DIGITS
    if kind_of(item_id) is None or not is_number:
        return None
    return LastEvent(item_id, int(version))


def _matches(if_none_match: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or etag in tags
