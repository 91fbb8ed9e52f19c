"""Implement the HTTP API of Uppy's Companion for its S3 plug-ins."""

from functools import partial
from typing import Annotated, Any

import anyio
import msgspec
from litestar import Controller, Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from libs.core.domain.formats import ConversionRequest
from libs.core.domain.uploads import MIB, S3_MAX_PARTS
from libs.core.errors import CoreError, OptionInvalid
from libs.core.rate_limiter import Usage
from libs.core.telemetry import traceparent
from libs.core.web.concurrency import permit_of
from libs.core.web.problems import on_core_error
from services.upload.companion.complete import CompleteCompanionUpload
from services.upload.companion.form import StartFormUpload
from services.upload.companion.parts import (
    FindMultipart,
    ListCompanionParts,
    SignCompanionParts,
)
from services.upload.schemas import MAX_SIGN, choose_media_type, read_conversions
from services.upload.start_upload import NewUpload, StartUpload
from services.upload.use_cases import DeleteUpload

Key = Annotated[str, QueryParameter(min_length=1, max_length=1024)]


class CreateMultipartRequest(msgspec.Struct):
    """Describe a file, as Uppy does; unknown members are ignored as Companion ignores them."""

    filename: str
    type: str | None = None
    metadata: dict[str, Any] = {}


class CompletedPart(msgspec.Struct):
    """Name a part and the ETag that S3 answered with."""

    PartNumber: Annotated[int, msgspec.Meta(ge=1, le=S3_MAX_PARTS)]
    ETag: str


class CompleteMultipartRequest(msgspec.Struct):
    """List the parts that make the file."""

    parts: Annotated[list[CompletedPart], msgspec.Meta(max_length=S3_MAX_PARTS)]


def on_error(request: Request[Any, Any, Any], error: CoreError) -> Response[Any]:
    """Answer with the problem document, and with `message`, which Uppy shows to its user."""
    answer = on_core_error(request, error)
    return Response(
        {**answer.content, "message": answer.content["detail"]},
        status_code=answer.status_code,
        media_type=answer.media_type,
        headers=answer.headers,
    )


class CompanionController(Controller):
    """Serve `/api/uploads/s3`.

    Each request for a part or for all parts lists those in S3, and there may be thousands.
    """

    path = "/api/uploads/s3"
    # The API is Companion's own; docs/api.md says where it is described.
    include_in_schema = False
    exception_handlers = {CoreError: on_error}  # noqa: RUF012 -- Litestar's type

    @post("/multipart", status_code=200, sync_to_thread=True)
    def create(
        self,
        data: JSONBody[CreateMultipartRequest],
        owner: NamedDependency[str],
        usage: NamedDependency[Usage],
        start_upload: NamedDependency[StartUpload],
    ) -> dict[str, str]:
        convert = _conversions(data.metadata.get("convert"))
        media_type = choose_media_type(data.type)
        new = NewUpload(owner, data.filename, None, media_type, convert, traceparent())
        upload = start_upload(new, usage)
        return {"key": upload.key, "uploadId": upload.multipart_id}

    @get("/multipart/{multipart_id:str}", sync_to_thread=True, is_costly=True)
    def list_parts(
        self,
        multipart_id: FromPath[str],
        key: Key,
        owner: NamedDependency[str],
        list_companion_parts: NamedDependency[ListCompanionParts],
    ) -> list[dict[str, Any]]:
        return [
            {"PartNumber": part.number, "ETag": f'"{part.etag}"', "Size": part.size}
            for part in list_companion_parts(owner, key, multipart_id)
        ]

    @get("/multipart/{multipart_id:str}/{number:int}", sync_to_thread=True, is_costly=True)
    def sign_part(
        self,
        multipart_id: FromPath[str],
        number: FromPath[int],
        key: Key,
        owner: NamedDependency[str],
        usage: NamedDependency[Usage],
        sign_companion_parts: NamedDependency[SignCompanionParts],
    ) -> dict[str, Any]:
        urls, lifetime = sign_companion_parts(owner, key, multipart_id, [number], usage)
        return {"url": urls[0], "expires": lifetime}

    @get("/multipart/{multipart_id:str}/batch", sync_to_thread=True, is_costly=True)
    def sign_parts(
        self,
        multipart_id: FromPath[str],
        key: Key,
        part_numbers: Annotated[
            str,
            QueryParameter(
                name="partNumbers", pattern=rf"^\d{{1,5}}(,\d{{1,5}}){{0,{MAX_SIGN - 1}}}$"
            ),
        ],
        owner: NamedDependency[str],
        usage: NamedDependency[Usage],
        sign_companion_parts: NamedDependency[SignCompanionParts],
    ) -> dict[str, dict[str, str]]:
        numbers = [int(number) for number in part_numbers.split(",")]
        urls, _ = sign_companion_parts(owner, key, multipart_id, numbers, usage)
        return {
            "presignedUrls": {str(number): url for number, url in zip(numbers, urls, strict=True)}
        }

    @post(
        "/multipart/{multipart_id:str}/complete",
        status_code=200,
        request_max_body_size=MIB,
        has_many_values=True,
    )
    async def complete(
        self,
        request: Request[Any, Any, Any],
        multipart_id: FromPath[str],
        key: Key,
        data: JSONBody[CompleteMultipartRequest],
        owner: NamedDependency[str],
        usage: NamedDependency[Usage],
        complete_companion_upload: NamedDependency[CompleteCompanionUpload],
        public_url: NamedDependency[str | None],
    ) -> dict[str, str]:
        permit = permit_of(request)
        await permit.acquire_costly()
        # One major version of Uppy sends the ETag as S3 does, in quotes, and the next without.
        etags = {part.PartNumber: part.ETag.strip('"') for part in data.parts}
        on_listed = partial(anyio.from_thread.run_sync, permit.become_usual)
        upload = await anyio.to_thread.run_sync(
            complete_companion_upload, owner, key, multipart_id, etags, usage, on_listed
        )
        site = public_url or str(request.base_url).rstrip("/")
        location = f"{site}/api/uploads/{upload.id}"
        return {"location": location, "key": upload.key}

    @delete("/multipart/{multipart_id:str}", status_code=200, sync_to_thread=True)
    def abort(
        self,
        multipart_id: FromPath[str],
        key: Key,
        owner: NamedDependency[str],
        find_multipart: NamedDependency[FindMultipart],
        delete_upload: NamedDependency[DeleteUpload],
    ) -> dict[str, str]:
        delete_upload(owner, find_multipart(owner, key, multipart_id).id)
        return {}  # Uppy parses the answer as JSON

    @get("/params", sync_to_thread=True, makes_items=True)
    def sign_form(
        self,
        request: Request[Any, Any, Any],
        filename: Annotated[str, QueryParameter(min_length=1, max_length=1024)],
        owner: NamedDependency[str],
        usage: NamedDependency[Usage],
        start_form_upload: NamedDependency[StartFormUpload],
        media_type: Annotated[str | None, QueryParameter(name="type")] = None,
    ) -> dict[str, Any]:
        convert = _conversions(request.query_params.get("metadata[convert]"))
        form, lifetime = start_form_upload(
            owner, filename, choose_media_type(media_type), convert, traceparent(), usage
        )
        return {"method": "POST", "url": form.url, "fields": form.fields, "expires": lifetime}


def _conversions(value: object) -> list[ConversionRequest]:
    try:
        return read_conversions(value)
    except ValueError as error:
        raise OptionInvalid(f"metadata.convert cannot be read: {error}") from error
