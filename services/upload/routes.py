"""Translate HTTP requests for uploads to use cases, and their results to HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import anyio
from litestar import Controller, Request, Response, delete, get, post, put
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter

from libs.core import errors
from libs.core.domain.uploads import MAX_PART_SIZE
from libs.core.errors import PartSizeMismatch
from libs.core.rate_limiter import Usage
from libs.core.telemetry import traceparent
from libs.core.web.openapi import BinaryBodyOperation, OptionalBodyOperation, problems
from services.upload import checksums
from services.upload.body_reader import BodyReader
from services.upload.part_limiter import PartLimiter, PartSlot
from services.upload.parts import ReportParts, SignParts, StorePart, ValidatePart
from services.upload.schemas import (
    EmptyRequest,
    ReportPartsRequest,
    SignedPartsSchema,
    SignPartsRequest,
    StartUploadRequest,
    UploadListSchema,
    UploadSchema,
)
from services.upload.start_upload import StartUpload
from services.upload.use_cases import (
    CompleteUpload,
    DeleteUpload,
    ListUploads,
    ShowUpload,
)

LOCATION = ResponseHeader(
    name="Location", description="the path of the upload", value="", documentation_only=True
)


REPORT_PROBLEMS = problems(
    errors.UploadNotFound,
    errors.UploadClosed,
    errors.PartNumberInvalid,
    errors.PartSizeMismatch,
    changes=True,
    has_body=True,
)


class UploadController(Controller):
    """Serve `/api/uploads`."""

    path = "/api/uploads"

    @post(
        sync_to_thread=True,
        operation_id="createUpload",
        summary="Create an upload",
        response_headers=[LOCATION],
        responses=problems(
            errors.FilenameInvalid,
            errors.FileEmpty,
            errors.FileTooLarge,
            errors.FormatUnsupported,
            errors.OptionInvalid,
            errors.IdempotencyKeyReused,
            changes=True,
            has_body=True,
        ),
    )
    def create(
        self,
        data: JSONBody[StartUploadRequest],
        owner: NamedDependency[str],
        usage: NamedDependency[Usage],
        start_upload: NamedDependency[StartUpload],
        idempotency_key: Annotated[
            str | None, HeaderParameter(name="Idempotency-Key", min_length=1, max_length=255)
        ] = None,
    ) -> Response[UploadSchema]:
        wanted = [body.checked() for body in data.conversions()]
        content_type = data.content_type or "application/octet-stream"
        upload = start_upload(
            owner,
            data.filename,
            data.size,
            content_type,
            wanted,
            traceparent(),
            idempotency_key=idempotency_key,
            usage=usage,
        )
        return Response(
            UploadSchema.of(upload),
            status_code=201,
            headers={"Location": f"/api/uploads/{upload.id}"},
        )

    @get(
        sync_to_thread=True,
        operation_id="listUploads",
        summary="List the session's uploads, the newest first",
        responses=problems(errors.CursorInvalid),
    )
    def list_all(
        self,
        owner: NamedDependency[str],
        list_uploads: NamedDependency[ListUploads],
        limit: Annotated[int, QueryParameter(ge=1, le=100)] = 50,
        cursor: Annotated[str | None, QueryParameter(name="next", max_length=512)] = None,
    ) -> UploadListSchema:
        return UploadListSchema.of(list_uploads(owner, limit, cursor))

    @get(
        "/{upload_id:str}",
        sync_to_thread=True,
        operation_id="getUpload",
        summary="Show an upload, reconciled with S3: ask this before resuming",
        responses=problems(errors.UploadNotFound),
    )
    def show(
        self,
        upload_id: FromPath[str],
        owner: NamedDependency[str],
        show_upload: NamedDependency[ShowUpload],
    ) -> UploadSchema:
        return UploadSchema.of(show_upload(owner, upload_id))

    @post(
        "/{upload_id:str}/parts/sign",
        status_code=200,
        sync_to_thread=True,
        operation_id="signParts",
        summary="Presign URLs that parts can be PUT to",
        responses=problems(
            errors.UploadNotFound,
            errors.UploadClosed,
            errors.PartNumberInvalid,
            changes=True,
            has_body=True,
        ),
    )
    def sign(
        self,
        upload_id: FromPath[str],
        data: JSONBody[SignPartsRequest],
        owner: NamedDependency[str],
        usage: NamedDependency[Usage],
        sign_parts: NamedDependency[SignParts],
    ) -> SignedPartsSchema:
        return SignedPartsSchema.of(sign_parts(owner, upload_id, data.part_numbers, usage))

    @put(
        "/{upload_id:str}/parts/{number:int}",
        request_max_body_size=MAX_PART_SIZE,
        media_types=None,
        operation_id="putPart",
        operation_class=BinaryBodyOperation,
        summary="Send a part through the service",
        responses=problems(
            errors.UploadNotFound,
            errors.UploadClosed,
            errors.PartNumberInvalid,
            errors.PartSizeMismatch,
            errors.ChecksumMismatch,
            changes=True,
            has_body=True,
        ),
    )
    async def put_part(
        self,
        request: Request[Any, Any, Any],
        upload_id: FromPath[str],
        number: FromPath[int],
        owner: NamedDependency[str],
        validate_part: NamedDependency[ValidatePart],
        store_part: NamedDependency[StorePart],
        part_limiter: NamedDependency[PartLimiter],
    ) -> UploadSchema:
        length = request.headers.get("content-length", "")
        expected = int(length) if length.isdecimal() else None
        upload = await anyio.to_thread.run_sync(validate_part, owner, upload_id, number, expected)
        reader = BodyReader(request.stream())
        with _broken_off():
            await reader.prefetch()
        async with part_limiter.acquire(owner) as slot:
            with _broken_off():
                body = await _read(reader, upload.size_of_part(number), slot)
            await anyio.to_thread.run_sync(checksums.check, dict(request.headers), body)
            stored = await anyio.to_thread.run_sync(store_part, upload, number, body)
            return UploadSchema.of(stored)

    @post(
        "/{upload_id:str}/parts/{number:int}",
        status_code=200,
        sync_to_thread=True,
        operation_id="reportPart",
        operation_class=OptionalBodyOperation,
        summary="Report that a part went straight to S3",
        responses=REPORT_PROBLEMS,
    )
    def report_part(
        self,
        upload_id: FromPath[str],
        number: FromPath[int],
        owner: NamedDependency[str],
        report_parts: NamedDependency[ReportParts],
        data: JSONBody[EmptyRequest | None] = None,  # noqa: ARG002 -- refuses unknown fields
    ) -> UploadSchema:
        return UploadSchema.of(report_parts(owner, upload_id, number))

    @post(
        "/{upload_id:str}/parts",
        status_code=200,
        sync_to_thread=True,
        operation_id="reportParts",
        summary="Report that several parts went straight to S3",
        responses=REPORT_PROBLEMS,
    )
    def report_parts(
        self,
        upload_id: FromPath[str],
        data: JSONBody[ReportPartsRequest],
        owner: NamedDependency[str],
        report_parts: NamedDependency[ReportParts],
    ) -> UploadSchema:
        return UploadSchema.of(report_parts(owner, upload_id, *data.part_numbers))

    @post(
        "/{upload_id:str}/complete",
        status_code=200,
        sync_to_thread=True,
        operation_id="completeUpload",
        operation_class=OptionalBodyOperation,
        summary="Make one file of all parts",
        responses=problems(
            errors.UploadNotFound,
            errors.UploadIncomplete,
            errors.UploadClosed,
            errors.PartsChanged,
            changes=True,
            has_body=True,
        ),
    )
    def complete(
        self,
        upload_id: FromPath[str],
        owner: NamedDependency[str],
        complete_upload: NamedDependency[CompleteUpload],
        data: JSONBody[EmptyRequest | None] = None,  # noqa: ARG002 -- refuses unknown fields
    ) -> UploadSchema:
        return UploadSchema.of(complete_upload(owner, upload_id))

    @delete(
        "/{upload_id:str}",
        sync_to_thread=True,
        operation_id="deleteUpload",
        summary="Delete an upload with its conversions and their outputs",
        responses=problems(errors.UploadNotFound, changes=True),
    )
    def remove(
        self,
        upload_id: FromPath[str],
        owner: NamedDependency[str],
        delete_upload: NamedDependency[DeleteUpload],
    ) -> None:
        delete_upload(owner, upload_id)


async def _read(reader: BodyReader, length: int, slot: PartSlot) -> bytes:
    """Read a body, and stop after the first block beyond `length` bytes.

    Raises:
        RateLimited: The body comes slowly while others wait.
    """
    body = bytearray()
    while len(body) <= length and (block := await reader.read(slot)) is not None:
        body += block
    return bytes(body)


@contextmanager
def _broken_off() -> Iterator[None]:
    """Answer a body that breaks off as a part of the wrong size."""
    try:
        yield
    except (HTTPException, TimeoutError) as error:  # the former says that the client is gone
        raise PartSizeMismatch(
            "The part did not arrive completely. Please send it again."
        ) from error
