"""Translate HTTP requests for the parts of an upload to use cases, and their results to HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
from litestar import Controller, Request, post, put
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException
from litestar.params import FromPath, JSONBody

from libs.core import errors
from libs.core.domain.uploads import MAX_PART_SIZE
from libs.core.errors import PartSizeMismatch
from libs.core.rate_limiter import Usage
from libs.core.web.concurrency import MAX_BODIES, permit_of
from libs.core.web.openapi import BinaryBodyOperation, OptionalBodyOperation, problems
from services.upload import checksums
from services.upload.body_reader import BodyReader
from services.upload.part_slots import PartSlot, PartSlots
from services.upload.parts import ReportParts, SignParts, StorePart, ValidatePart
from services.upload.schemas import (
    EmptyRequest,
    ReportPartsRequest,
    SignedPartsSchema,
    SignPartsRequest,
    UploadSchema,
)

REPORT_PROBLEMS = problems(
    errors.UploadNotFound,
    errors.UploadClosed,
    errors.PartNumberInvalid,
    errors.PartSizeMismatch,
    changes=True,
    has_body=True,
)


CHEAP_SPAN = 100
"""Part numbers between which S3 lists the parts of a report in a millisecond. Clients report parts
that they have just sent, whose numbers are close together."""


class PartController(Controller):
    """Serve `/api/uploads/{id}/parts`."""

    path = "/api/uploads/{upload_id:str}/parts"

    @post(
        "/sign",
        status_code=200,
        sync_to_thread=True,
        operation_id="signParts",
        summary="Presign URLs that parts can be PUT to",
        responses=problems(
            errors.UploadNotFound,
            errors.UploadClosed,
            errors.ChecksumMismatch,
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
        signed = sign_parts(owner, upload_id, data.part_numbers, usage, data.by_part())
        return SignedPartsSchema.of(signed)

    @put(
        "/{number:int}",
        request_max_body_size=MAX_PART_SIZE,
        media_types=None,
        max_per_address=MAX_BODIES,
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
        usage: NamedDependency[Usage],
        validate_part: NamedDependency[ValidatePart],
        store_part: NamedDependency[StorePart],
        part_slots: NamedDependency[PartSlots],
    ) -> UploadSchema:
        length = request.headers.get("content-length", "")
        expected = int(length) if length.isdecimal() else None
        upload = await anyio.to_thread.run_sync(validate_part, owner, upload_id, number, expected)
        permit_of(request).release()
        reader = BodyReader(request.stream())
        with _broken_off():
            await reader.prefetch()
        async with part_slots.acquire(owner, usage.address) as slot:
            with _broken_off():
                body = await _read(reader, upload.size_of_part(number), slot)
            checksum = await anyio.to_thread.run_sync(checksums.check, dict(request.headers), body)
            stored = await anyio.to_thread.run_sync(store_part, upload, number, body, checksum)
            return UploadSchema.of(stored)

    @post(
        "/{number:int}",
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
        status_code=200,
        operation_id="reportParts",
        summary="Report that several parts went straight to S3",
        responses=REPORT_PROBLEMS,
    )
    async def report_parts(
        self,
        request: Request[Any, Any, Any],
        upload_id: FromPath[str],
        data: JSONBody[ReportPartsRequest],
        owner: NamedDependency[str],
        report_parts: NamedDependency[ReportParts],
    ) -> UploadSchema:
        numbers = data.part_numbers
        if max(numbers) - min(numbers) >= CHEAP_SPAN:
            await permit_of(request).acquire_costly()
        reported = await anyio.to_thread.run_sync(report_parts, owner, upload_id, *numbers)
        return UploadSchema.of(reported)


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
