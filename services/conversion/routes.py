"""HTTP to use cases and back, for conversions."""

from typing import Annotated, Any

from litestar import Controller, Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter

from libs.core.domain.formats import FORMATS, Format
from libs.core.telemetry import traceparent
from libs.core.web.schemas import ConvertOptions, conversion_view
from libs.core.web.session import rfc3339
from services.conversion.use_cases import (
    CancelConversion,
    DeleteConversion,
    DownloadConversion,
    ListConversions,
    RequestConversion,
    ShowConversion,
)


class CreateConversionRequest(ConvertOptions, forbid_unknown_fields=True, kw_only=True):
    """A conversion asked for, of an upload that has arrived or is on its way."""

    upload_id: str


def format_view(fmt: Format) -> dict[str, Any]:
    """A format of the contract: only the options that it has."""
    options: dict[str, Any] = {
        "bitrate": list(fmt.bitrates),
        "quality": fmt.quality
        and {
            "min": fmt.quality.min,
            "max": fmt.quality.max,
            "default": fmt.quality.default,
            "best": fmt.quality.best,
        },
        "sample_rate": list(fmt.sample_rates),
        "channels": list(fmt.channels),
        "bit_depth": list(fmt.bit_depths),
    }
    return {
        "format": fmt.name,
        "extension": fmt.extension,
        "media_type": fmt.media_type,
        "lossless": fmt.lossless,
        "options": {name: value for name, value in options.items() if value},
    }


@get("/api/formats", sync_to_thread=False, summary="What can be made, with which options")
def formats(owner: NamedDependency[str]) -> dict[str, Any]:  # noqa: ARG001 -- the page's first request begins its session
    return {"formats": [format_view(fmt) for fmt in FORMATS.values()]}


class ConversionController(Controller):
    """`/api/conversions`"""

    path = "/api/conversions"

    @post(status_code=202, sync_to_thread=True, summary="Ask for a conversion")
    def create(
        self,
        data: JSONBody[CreateConversionRequest],
        owner: NamedDependency[str],
        request_conversion: NamedDependency[RequestConversion],
        show_conversion: NamedDependency[ShowConversion],
        idempotency_key: Annotated[
            str | None, HeaderParameter(name="Idempotency-Key", min_length=1, max_length=255)
        ] = None,
    ) -> Response[dict[str, Any]]:
        made = request_conversion(
            owner, data.upload_id, data.checked(), idempotency_key, traceparent()
        )
        view = conversion_view(*show_conversion.with_position(made))
        return Response(view, status_code=202, headers={"Location": f"/api/conversions/{made.id}"})

    @get(sync_to_thread=True, summary="The session's conversions, newest first")
    def list_all(
        self,
        owner: NamedDependency[str],
        list_conversions: NamedDependency[ListConversions],
        limit: Annotated[int, QueryParameter(ge=1, le=100)] = 50,
        cursor: Annotated[str | None, QueryParameter(name="next", max_length=512)] = None,
    ) -> dict[str, Any]:
        page = list_conversions(owner, limit, cursor)
        return {
            "items": [conversion_view(conversion) for conversion in page.items],
            "next": page.next,
        }

    @get("/{conversion_id:str}", sync_to_thread=True, summary="A conversion")
    def show(
        self,
        conversion_id: FromPath[str],
        owner: NamedDependency[str],
        show_conversion: NamedDependency[ShowConversion],
    ) -> dict[str, Any]:
        return conversion_view(*show_conversion(owner, conversion_id))

    @get(
        "/{conversion_id:str}/download",
        sync_to_thread=True,
        summary="A presigned URL for the finished file",
    )
    def download(
        self,
        request: Request[Any, Any, Any],
        conversion_id: FromPath[str],
        owner: NamedDependency[str],
        download_conversion: NamedDependency[DownloadConversion],
        inline: Annotated[bool, QueryParameter()] = False,
    ) -> Response[Any]:
        found = download_conversion(owner, conversion_id, inline=inline)
        private = {"Cache-Control": "no-store"}
        if "application/json" not in request.headers.get("accept", ""):
            return Response(None, status_code=303, headers={"Location": found.url, **private})
        answer = {
            "url": found.url,
            "filename": found.filename,
            "media_type": found.media_type,
            "size": found.size,
            "expires_at": rfc3339(found.expires_at),
        }
        return Response(answer, headers=private)

    @post(
        "/{conversion_id:str}/cancel",
        status_code=202,
        sync_to_thread=True,
        summary="Cancel a conversion",
    )
    def cancel(
        self,
        conversion_id: FromPath[str],
        owner: NamedDependency[str],
        cancel_conversion: NamedDependency[CancelConversion],
    ) -> dict[str, Any]:
        return conversion_view(cancel_conversion(owner, conversion_id))

    @delete(
        "/{conversion_id:str}", sync_to_thread=True, summary="Delete a conversion and its output"
    )
    def remove(
        self,
        conversion_id: FromPath[str],
        owner: NamedDependency[str],
        delete_conversion: NamedDependency[DeleteConversion],
    ) -> None:
        delete_conversion(owner, conversion_id)
