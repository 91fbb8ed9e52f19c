"""Translate HTTP requests for conversions to use cases, and their results to HTTP."""

from typing import Annotated, Any

from litestar import Controller, Request, Response, delete, get, post
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter

from libs.core import errors
from libs.core.domain.formats import FORMATS
from libs.core.rate_limiter import Usage
from libs.core.telemetry import traceparent
from libs.core.web.openapi import no_content, problems
from libs.core.web.session import ensure_session
from services.conversion.schemas import (
    ConversionListSchema,
    ConversionSchema,
    CreateConversionRequest,
    DownloadSchema,
    FormatsSchema,
)
from services.conversion.use_cases import (
    CancelConversion,
    DeleteConversion,
    DownloadConversion,
    ListConversions,
    RequestConversion,
    ShowConversion,
)

LOCATION = ResponseHeader(
    name="Location", description="the path of the conversion", value="", documentation_only=True
)
NO_STORE = {"Cache-Control": "no-store"}


@get(
    "/api/formats",
    sync_to_thread=True,
    operation_id="listFormats",
    summary="List the output formats and their options",
    responses=problems(errors.SessionInvalid, errors.RateLimited, session=False),
)
def formats(request: Request[Any, Any, Any]) -> FormatsSchema:
    # The page waits for this request before it sends others. So they all send one session's cookie:
    # without a cookie, each of them would begin a session.
    ensure_session(request)
    return FormatsSchema.of(FORMATS.values())


class ConversionController(Controller):
    """Serve `/api/conversions`."""

    path = "/api/conversions"

    @post(
        status_code=202,
        sync_to_thread=True,
        operation_id="createConversion",
        summary="Request a conversion",
        response_headers=[LOCATION],
        responses=problems(
            errors.UploadNotFound,
            errors.UploadClosed,
            errors.TooManyConversions,
            errors.FilenameInvalid,
            errors.FormatUnsupported,
            errors.OptionInvalid,
            errors.IdempotencyKeyReused,
            changes=True,
            has_body=True,
        ),
    )
    def create(
        self,
        data: JSONBody[CreateConversionRequest],
        owner: NamedDependency[str],
        usage: NamedDependency[Usage],
        request_conversion: NamedDependency[RequestConversion],
        show_conversion: NamedDependency[ShowConversion],
        idempotency_key: Annotated[
            str | None, HeaderParameter(name="Idempotency-Key", min_length=1, max_length=255)
        ] = None,
    ) -> Response[ConversionSchema]:
        made = request_conversion(
            owner, data.upload_id, data.checked(), idempotency_key, traceparent(), usage
        )
        return Response(
            ConversionSchema.of(*show_conversion.with_position(made)),
            status_code=202,
            headers={"Location": f"/api/conversions/{made.id}"},
        )

    @get(
        sync_to_thread=True,
        is_costly=True,
        operation_id="listConversions",
        summary="List the session's conversions, the newest first",
        responses=problems(errors.CursorInvalid),
    )
    def list_all(
        self,
        owner: NamedDependency[str],
        list_conversions: NamedDependency[ListConversions],
        limit: Annotated[int, QueryParameter(ge=1, le=100)] = 50,
        cursor: Annotated[str | None, QueryParameter(name="next", max_length=512)] = None,
    ) -> ConversionListSchema:
        return ConversionListSchema.of(list_conversions(owner, limit, cursor))

    @get(
        "/{conversion_id:str}",
        sync_to_thread=True,
        operation_id="getConversion",
        summary="Show a conversion",
        responses=problems(errors.ConversionNotFound),
    )
    def show(
        self,
        conversion_id: FromPath[str],
        owner: NamedDependency[str],
        show_conversion: NamedDependency[ShowConversion],
    ) -> ConversionSchema:
        return ConversionSchema.of(*show_conversion(owner, conversion_id))

    @get(
        "/{conversion_id:str}/download",
        sync_to_thread=True,
        operation_id="downloadConversion",
        summary="Presign a URL for the finished file",
        responses={
            303: no_content("The header `Location` has the presigned URL."),
            **problems(errors.ConversionNotFound, errors.NotReady, errors.Gone),
        },
    )
    def download(
        self,
        request: Request[Any, Any, Any],
        conversion_id: FromPath[str],
        owner: NamedDependency[str],
        download_conversion: NamedDependency[DownloadConversion],
        inline: Annotated[bool, QueryParameter()] = False,
    ) -> Response[DownloadSchema]:
        found = download_conversion(owner, conversion_id, inline=inline)
        if "application/json" in request.headers.get("accept", ""):
            return Response(DownloadSchema.of(found), headers=NO_STORE)
        redirect: Response[Any] = Response(
            None, status_code=303, headers={"Location": found.url, **NO_STORE}
        )
        return redirect

    @post(
        "/{conversion_id:str}/cancel",
        status_code=202,
        sync_to_thread=True,
        operation_id="cancelConversion",
        summary="Cancel a conversion",
        responses=problems(errors.ConversionNotFound, errors.ConversionFinished, changes=True),
    )
    def cancel(
        self,
        conversion_id: FromPath[str],
        owner: NamedDependency[str],
        cancel_conversion: NamedDependency[CancelConversion],
    ) -> ConversionSchema:
        return ConversionSchema.of(cancel_conversion(owner, conversion_id))

    @delete(
        "/{conversion_id:str}",
        sync_to_thread=True,
        operation_id="deleteConversion",
        summary="Delete a conversion and its output",
        responses=problems(errors.ConversionNotFound, changes=True),
    )
    def remove(
        self,
        conversion_id: FromPath[str],
        owner: NamedDependency[str],
        delete_conversion: NamedDependency[DeleteConversion],
    ) -> None:
        delete_conversion(owner, conversion_id)
