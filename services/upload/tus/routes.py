"""Translate the requests of tus 1.0.0 to use cases and back."""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import anyio
from litestar import Controller, MediaType, Request, Response, delete, head, patch, post
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException
from litestar.params import FromPath

from libs.core.domain.formats import ConversionRequest
from libs.core.domain.uploads import Upload
from libs.core.errors import (
    ChecksumMismatch,
    CoreError,
    MediaTypeUnsupported,
    TusRequestInvalid,
)
from libs.core.rate_limiter import Usage
from libs.core.telemetry import traceparent
from libs.core.web.concurrency import MAX_BODIES, permit_of
from libs.core.web.problems import problem
from services.upload.body_reader import BodyReader
from services.upload.part_slots import PartSlot, PartSlots
from services.upload.schemas import choose_media_type, read_conversions
from services.upload.tus.append import AppendTarget, AppendToUpload
from services.upload.tus.append_writer import AppendWriter
from services.upload.tus.create import UNNAMED, CreateTusUpload, TusRequest
from services.upload.tus.headers import (
    MEDIA_TYPE,
    http_date,
    parse_checksum,
    parse_concat,
    parse_metadata,
    parse_number,
    require_storable,
)
from services.upload.tus.join import JoinUploads
from services.upload.tus.middleware import PATH
from services.upload.use_cases import DeleteUpload


def on_checksum_mismatch(
    _request: Request[Any, Any, Any], error: ChecksumMismatch
) -> Response[dict[str, Any]]:
    """Answer a wrong checksum with 460, the status that tus defines for it."""
    return problem(460, error.code, error.detail)


class TusController(Controller):
    """Serve `/api/uploads/tus`."""

    path = PATH
    # OpenAPI cannot describe a protocol of headers: its specification is at https://tus.io.
    include_in_schema = False
    opt = {"media_types": None}  # noqa: RUF012 -- Litestar's type
    exception_handlers = {ChecksumMismatch: on_checksum_mismatch}  # noqa: RUF012 -- Litestar's type

    @post(
        request_max_body_size=None,
        summary="Create a tus upload",
        status_code=201,
        max_per_address=MAX_BODIES,
    )
    async def create(
        self,
        request: Request[Any, Any, Any],
        owner: NamedDependency[str],
        usage: NamedDependency[Usage],
        create_tus_upload: NamedDependency[CreateTusUpload],
        append_to_upload: NamedDependency[AppendToUpload],
        join_uploads: NamedDependency[JoinUploads],
        delete_upload: NamedDependency[DeleteUpload],
        part_slots: NamedDependency[PartSlots],
    ) -> Response[None]:
        """Create an upload: empty, with its first bytes, partial, or joined of partial ones."""
        wanted = _creation(request.headers)
        partial_ids = parse_concat(request.headers.get("upload-concat"))
        if partial_ids is not None:
            await permit_of(request).acquire_costly()
            release_permit = partial(anyio.from_thread.run_sync, permit_of(request).release)
            upload = await anyio.to_thread.run_sync(
                join_uploads, owner, partial_ids, wanted, usage, release_permit
            )
            return _answer(201, upload, location=True)
        size = _declared_length(request.headers)
        checksum = parse_checksum(request.headers.get("upload-checksum"))
        upload = await anyio.to_thread.run_sync(create_tus_upload, owner, wanted, size, usage)
        if _is_of_bytes(request.headers):
            target = AppendTarget(owner, upload.id, 0, None, checksum)
            try:
                upload = await _append(request, usage, target, append_to_upload, part_slots)
            except CoreError:
                # The client has no URL of it, and will create another one.
                with suppress(CoreError):
                    await anyio.to_thread.run_sync(delete_upload, owner, upload.id)
                raise
        return _answer(201, upload, location=True)

    @head("/{upload_id:str}", sync_to_thread=True, summary="Offset of a tus upload")
    def show(
        self,
        upload_id: FromPath[str],
        owner: NamedDependency[str],
        append_to_upload: NamedDependency[AppendToUpload],
    ) -> Response[None]:
        """Tell how many bytes are stored."""
        return _answer(200, append_to_upload.show(owner, upload_id))

    @patch(
        "/{upload_id:str}",
        request_max_body_size=None,
        status_code=204,
        summary="Append bytes to a tus upload",
        max_per_address=MAX_BODIES,
    )
    async def append(
        self,
        request: Request[Any, Any, Any],
        upload_id: FromPath[str],
        owner: NamedDependency[str],
        usage: NamedDependency[Usage],
        append_to_upload: NamedDependency[AppendToUpload],
        part_slots: NamedDependency[PartSlots],
    ) -> Response[None]:
        """Store the bytes of the body from `Upload-Offset` on."""
        if not _is_of_bytes(request.headers):
            raise MediaTypeUnsupported(f"Send the bytes as Content-Type: {MEDIA_TYPE}.")
        offset = parse_number("Upload-Offset", request.headers.get("upload-offset"))
        given = request.headers.get("upload-length")
        length = None if given is None else parse_number("Upload-Length", given)
        checksum = parse_checksum(request.headers.get("upload-checksum"))
        target = AppendTarget(owner, upload_id, offset, length, checksum)
        upload = await _append(request, usage, target, append_to_upload, part_slots)
        return _answer(204, upload)

    @delete("/{upload_id:str}", sync_to_thread=True, summary="Delete a tus upload")
    def remove(
        self,
        upload_id: FromPath[str],
        owner: NamedDependency[str],
        delete_upload: NamedDependency[DeleteUpload],
    ) -> None:
        """Delete the upload and everything made of it."""
        delete_upload(owner, upload_id)


async def _append(
    request: Request[Any, Any, Any],
    usage: Usage,
    target: AppendTarget,
    append_to_upload: AppendToUpload,
    part_slots: PartSlots,
) -> Upload:
    """Claim the upload once there is a slot for the body, and store the body."""
    permit = permit_of(request)
    permit.release()
    reader = BodyReader(request.stream())
    try:
        has_bytes = await reader.has_bytes()
    except (HTTPException, TimeoutError) as error:
        raise _broken_off() from error
    if not has_bytes:
        await permit.acquire()
        return await anyio.to_thread.run_sync(append_to_upload.append_nothing, target, usage)
    async with part_slots.acquire(usage.session, usage.address) as slot:
        append = await anyio.to_thread.run_sync(append_to_upload.begin, *target, usage)
        return await _receive(reader, usage.session, append, append_to_upload, slot)


async def _receive(
    reader: BodyReader,
    owner: str,
    append: AppendWriter,
    append_to_upload: AppendToUpload,
    slot: PartSlot,
) -> Upload:
    """Store the body as it comes; if it breaks off, keep what has come.

    Raises:
        ChecksumMismatch: The whole body has come, and does not match its checksum.
    """
    broken: CoreError | None = None
    try:
        while (block := await reader.read(slot)) is not None:
            await anyio.to_thread.run_sync(append.write, block)
    except (HTTPException, TimeoutError):  # Litestar raises the former for a client that is gone
        broken = _broken_off()
    except CoreError as error:
        broken = error
    try:
        with anyio.CancelScope(shield=True):
            upload = await anyio.to_thread.run_sync(append_to_upload.finish, owner, append)
    except ChecksumMismatch:
        if broken:
            raise broken from None
        raise
    if broken:
        raise broken
    return upload


def _broken_off() -> TusRequestInvalid:
    return TusRequestInvalid("The request broke off. Ask for the offset and go on.")


def _is_of_bytes(headers: Mapping[str, str]) -> bool:
    given = headers.get("content-type", "")
    return given.partition(";")[0].strip().lower() == MEDIA_TYPE


def _creation(headers: Mapping[str, str]) -> TusRequest:
    metadata = headers.get("upload-metadata", "")
    concat = headers.get("upload-concat", "")
    require_storable(metadata, concat)
    named = parse_metadata(metadata)
    return TusRequest(
        metadata=metadata,
        filename=named.get("filename") or named.get("name") or UNNAMED,
        content_type=choose_media_type(named.get("filetype") or named.get("type")),
        convert=_conversions(named.get("convert")),
        concat=concat,
        trace=traceparent(),
    )


def _conversions(text: str | None) -> list[ConversionRequest]:
    try:
        return read_conversions(text)
    except ValueError as error:
        raise TusRequestInvalid(f"The metadata key convert cannot be read: {error}") from error


def _declared_length(headers: Mapping[str, str]) -> int | None:
    deferred = headers.get("upload-defer-length")
    if deferred is None:
        return parse_number("Upload-Length", headers.get("upload-length"))
    if deferred != "1" or "upload-length" in headers:
        raise TusRequestInvalid("Send either Upload-Length or Upload-Defer-Length: 1.")
    return None


def _answer(status: int, upload: Upload, *, location: bool = False) -> Response[None]:
    state = upload.tus
    assert state is not None, "the endpoint shows tus uploads only"
    headers = {
        "Upload-Offset": str(state.offset),
        "Upload-Expires": http_date(upload.expires_at),
    }
    if location:
        headers["Location"] = f"{PATH}/{upload.id}"
    if upload.size is None:
        headers["Upload-Defer-Length"] = "1"
    else:
        headers["Upload-Length"] = str(upload.size)
    if state.metadata:
        headers["Upload-Metadata"] = state.metadata
    if state.concat:
        headers["Upload-Concat"] = state.concat
    # As JSON, None would be the text `null`.
    return Response(None, status_code=status, headers=headers, media_type=MediaType.TEXT)
