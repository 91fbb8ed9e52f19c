"""Translate HTTP requests for uploads to use cases, and their results to HTTP."""

from functools import partial
from typing import Annotated, Any

import anyio
from litestar import Controller, Request, Response, delete, get, post
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter

from libs.core import errors
from libs.core.domain.uploads import UploadStatus
from libs.core.rate_limiter import Usage
from libs.core.telemetry import traceparent
from libs.core.web.concurrency import permit_of
from libs.core.web.openapi import OptionalBodyOperation, problems
from services.upload.reuse import ReuseUpload
from services.upload.schemas import (
    EmptyRequest,
    StartUploadRequest,
    UploadLimitsSchema,
    UploadListSchema,
    UploadSchema,
)
from services.upload.start_upload import NewUpload, StartUpload
from services.upload.use_cases import (
    CompleteUpload,
    DeleteUpload,
    ListUploads,
    ShowUpload,
)

LOCATION = ResponseHeader(
    name="Location", description="the path of the upload", value="", documentation_only=True
)


class UploadController(Controller):
    """Serve `/api/uploads`."""

    path = "/api/uploads"

    @post(
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
    async def create(
        self,
        request: Request[Any, Any, Any],
        data: JSONBody[StartUploadRequest],
        owner: NamedDependency[str],
        usage: NamedDependency[Usage],
        start_upload: NamedDependency[StartUpload],
        reuse_upload: NamedDependency[ReuseUpload],
        idempotency_key: Annotated[
            str | None, HeaderParameter(name="Idempotency-Key", min_length=1, max_length=255)
        ] = None,
    ) -> Response[UploadSchema]:
        wanted = [body.checked() for body in data.conversions()]
        content_type = data.content_type or "application/octet-stream"
        new = NewUpload(
            owner,
            data.filename,
            data.size,
            content_type,
            wanted,
            traceparent(),
            idempotency_key=idempotency_key,
            sha256=data.sha256,
        )
        permit = permit_of(request)
        if data.sha256:
            # Many uploads of the session may be read, as for a listing.
            await permit.acquire_costly()
        release_permit = partial(anyio.from_thread.run_sync, permit.release)
        reuse = partial(reuse_upload, client=usage.address, on_searched=release_permit)
        upload = await anyio.to_thread.run_sync(start_upload, new, usage, reuse)
        return Response(
            UploadSchema.of(upload),
            status_code=201,
            headers={"Location": f"/api/uploads/{upload.id}"},
        )

    @get(
        sync_to_thread=True,
        is_costly=True,
        operation_id="listUploads",
        summary="List the session's uploads, the newest first",
        responses=problems(errors.CursorInvalid),
    )
    def list_all(
        self,
        owner: NamedDependency[str],
        list_uploads: NamedDependency[ListUploads],
        upload_limits: NamedDependency[UploadLimitsSchema],
        limit: Annotated[int, QueryParameter(ge=1, le=100)] = 50,
        cursor: Annotated[str | None, QueryParameter(name="next", max_length=512)] = None,
    ) -> UploadListSchema:
        return UploadListSchema.of(list_uploads(owner, limit, cursor), upload_limits)

    @get(
        "/{upload_id:str}",
        operation_id="getUpload",
        summary="Show an upload, reconciled with S3: ask this before resuming",
        responses=problems(errors.UploadNotFound),
    )
    async def show(
        self,
        request: Request[Any, Any, Any],
        upload_id: FromPath[str],
        owner: NamedDependency[str],
        show_upload: NamedDependency[ShowUpload],
    ) -> UploadSchema:
        upload = await anyio.to_thread.run_sync(show_upload.find, owner, upload_id)
        if upload.status is UploadStatus.UPLOADING:
            # S3 may list thousands of parts of it.
            await permit_of(request).acquire_costly()
            upload = await anyio.to_thread.run_sync(show_upload, owner, upload_id)
        return UploadSchema.of(upload)

    @post(
        "/{upload_id:str}/complete",
        status_code=200,
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
    async def complete(
        self,
        request: Request[Any, Any, Any],
        upload_id: FromPath[str],
        owner: NamedDependency[str],
        complete_upload: NamedDependency[CompleteUpload],
        data: JSONBody[EmptyRequest | None] = None,  # noqa: ARG002 -- refuses unknown fields
    ) -> UploadSchema:
        permit = permit_of(request)
        await permit.acquire_costly()
        on_listed = partial(anyio.from_thread.run_sync, permit.become_usual)
        done = await anyio.to_thread.run_sync(complete_upload, owner, upload_id, on_listed)
        return UploadSchema.of(done)

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
