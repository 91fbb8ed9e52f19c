"""HTTP to use cases and back, for uploads."""

from typing import Annotated, Any

import anyio
import msgspec
from litestar import Controller, Request, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.exceptions import ClientException
from litestar.params import FromPath, JSONBody, QueryParameter

from libs.core.domain.uploads import MAX_PART_SIZE
from libs.core.errors import PartSizeMismatch
from libs.core.telemetry import traceparent
from libs.core.web.schemas import ConvertOptions, upload_view
from libs.core.web.session import rfc3339
from services.upload import checksums
from services.upload.part_limiter import PartLimiter, PartSlot
from services.upload.parts import ReportPart, SignParts, StorePart, ValidatePart
from services.upload.use_cases import (
    CompleteUpload,
    DeleteUpload,
    ListUploads,
    ShowUpload,
    StartUpload,
)

MAX_CONVERT = 8
"""Conversions that one upload may ask for at its creation."""
MAX_SIGN = 100
"""Parts that one call may sign."""
STALLED = 30.0
"""Seconds without a byte of a part after which its place among those held at once is another's."""


class StartUploadRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a client says of the file it will send."""

    filename: str
    size: int
    content_type: (
        Annotated[str, msgspec.Meta(max_length=255, pattern=r"^[\x21-\x7e][\x20-\x7e]*$")] | None
    ) = None
    convert: (
        ConvertOptions
        | Annotated[list[ConvertOptions], msgspec.Meta(max_length=MAX_CONVERT)]
        | None
    ) = None

    def conversions(self) -> list[ConvertOptions]:
        if self.convert is None:
            return []
        return self.convert if isinstance(self.convert, list) else [self.convert]


class SignPartsRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Numbers of the parts to sign."""

    part_numbers: Annotated[list[int], msgspec.Meta(min_length=1, max_length=MAX_SIGN)]


class EmptyBody(msgspec.Struct, forbid_unknown_fields=True):
    """A body of no fields."""


class UploadController(Controller):
    """`/api/uploads`"""

    path = "/api/uploads"

    @post(sync_to_thread=True, summary="Begin an upload")
    def create(
        self,
        data: JSONBody[StartUploadRequest],
        owner: NamedDependency[str],
        start_upload: NamedDependency[StartUpload],
    ) -> Response[dict[str, Any]]:
        wanted = [body.checked() for body in data.conversions()]
        content_type = data.content_type or "application/octet-stream"
        upload = start_upload(owner, data.filename, data.size, content_type, wanted, traceparent())
        return Response(
            upload_view(upload), status_code=201, headers={"Location": f"/api/uploads/{upload.id}"}
        )

    @get(sync_to_thread=True, summary="The session's uploads, newest first")
    def list_all(
        self,
        owner: NamedDependency[str],
        list_uploads: NamedDependency[ListUploads],
        limit: Annotated[int, QueryParameter(ge=1, le=100)] = 50,
        cursor: Annotated[str | None, QueryParameter(name="next", max_length=512)] = None,
    ) -> dict[str, Any]:
        page = list_uploads(owner, limit, cursor)
        return {"items": [upload_view(upload) for upload in page.items], "next": page.next}

    @get(
        "/{upload_id:str}",
        sync_to_thread=True,
        summary="An upload, reconciled with S3: ask before resuming",
    )
    def show(
        self,
        upload_id: FromPath[str],
        owner: NamedDependency[str],
        show_upload: NamedDependency[ShowUpload],
    ) -> dict[str, Any]:
        return upload_view(show_upload(owner, upload_id))

    @post(
        "/{upload_id:str}/parts/sign",
        status_code=200,
        sync_to_thread=True,
        summary="Presigned URLs for parts",
    )
    def sign(
        self,
        upload_id: FromPath[str],
        data: JSONBody[SignPartsRequest],
        owner: NamedDependency[str],
        sign_parts: NamedDependency[SignParts],
    ) -> dict[str, Any]:
        signed = sign_parts(owner, upload_id, data.part_numbers)
        return {
            "parts": [
                # Content-Length is signed too, but every HTTP client sends it by itself and a browser lets nobody set it.
                {
                    "part_number": part.number,
                    "url": part.url,
                    "headers": {},
                    "expires_at": rfc3339(part.expires_at),
                }
                for part in signed
            ]
        }

    @put(
        "/{upload_id:str}/parts/{number:int}",
        request_max_body_size=MAX_PART_SIZE,
        summary="A part through the service",
    )
    async def put_part(
        self,
        request: Request[Any, Any, Any],
        upload_id: FromPath[str],
        number: FromPath[int],
        owner: NamedDependency[str],
        expect_part: NamedDependency[ValidatePart],
        store_part: NamedDependency[StorePart],
        parts_at_once: NamedDependency[PartLimiter],
    ) -> dict[str, Any]:
        async with parts_at_once.take() as place:
            length = request.headers.get("content-length", "")
            expected = int(length) if length.isdecimal() else None
            upload = await anyio.to_thread.run_sync(expect_part, owner, upload_id, number, expected)
            body = await _read(request, upload.size_of_part(number), place)
            await anyio.to_thread.run_sync(checksums.check, dict(request.headers), body)
            return upload_view(await anyio.to_thread.run_sync(store_part, upload, number, body))

    @post(
        "/{upload_id:str}/parts/{number:int}",
        status_code=200,
        sync_to_thread=True,
        summary="Part n went straight to S3",
    )
    def report_part(
        self,
        upload_id: FromPath[str],
        number: FromPath[int],
        owner: NamedDependency[str],
        report_part: NamedDependency[ReportPart],
        data: JSONBody[EmptyBody | None] = None,  # noqa: ARG002 -- refuses unknown fields
    ) -> dict[str, Any]:
        return upload_view(report_part(owner, upload_id, number))

    @post(
        "/{upload_id:str}/complete",
        status_code=200,
        sync_to_thread=True,
        summary="All parts are there: make them one file",
    )
    def complete(
        self,
        upload_id: FromPath[str],
        owner: NamedDependency[str],
        complete_upload: NamedDependency[CompleteUpload],
        data: JSONBody[EmptyBody | None] = None,  # noqa: ARG002 -- refuses unknown fields
    ) -> dict[str, Any]:
        return upload_view(complete_upload(owner, upload_id))

    @delete(
        "/{upload_id:str}",
        sync_to_thread=True,
        summary="Delete the upload and all that was made of it",
    )
    def remove(
        self,
        upload_id: FromPath[str],
        owner: NamedDependency[str],
        delete_upload: NamedDependency[DeleteUpload],
    ) -> None:
        delete_upload(owner, upload_id)


async def _read(request: Request[Any, Any, Any], length: int, place: PartSlot) -> bytes:
    """The body, of exactly `length` bytes: one that is cut off is no part, and one that runs over is not read on."""
    body = bytearray()
    blocks = aiter(request.stream())
    try:
        while len(body) <= length:
            with anyio.fail_after(STALLED):
                block = await anext(blocks, None)
            if block is None:
                break
            body += block
            place.took(len(block))
    except (
        ClientException,
        TimeoutError,
    ) as error:  # the client went away, or stays and says nothing
        raise PartSizeMismatch("The part broke off on its way. Please send it again.") from error
    return bytes(body)
