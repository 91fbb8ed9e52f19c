"""Call the multipart upload API of S3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypedDict

import structlog
from botocore.exceptions import ClientError

from libs.core.adapters.aws.errors import RETRY_AFTER, code_of, translate_errors
from libs.core.adapters.aws.part_listing import read_parts
from libs.core.domain.checksums import PartChecksum
from libs.core.domain.uploads import MIN_PART_SIZE, S3_MAX_PARTS
from libs.core.errors import (
    ChecksumMismatch,
    MultipartUploadGone,
    ObjectMissing,
    PartsChanged,
    PartSizeMismatch,
    StorageUnavailable,
)
from libs.core.ports.multipart_uploads import MultipartUploads, OpenMultipartUpload, Part

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedMultipartUploadTypeDef


log = structlog.get_logger(__name__)

UNCONFIRMED_TRIES = 3
"""Calls of CompleteMultipartUpload that may end without a confirmation."""


PAGE_SIZE = 1_000
"""S3's maximum of parts in one answer of ListParts."""


class _UploadName(TypedDict):
    Bucket: str
    Key: str
    UploadId: str


class S3MultipartUploads(MultipartUploads):
    """Manage the multipart uploads of one bucket.

    `transfer_client` has longer timeouts, for sending parts and for assembling them.
    """

    def __init__(
        self, client: S3Client, bucket: str, transfer_client: S3Client | None = None
    ) -> None:
        self._client = client
        self._transfer_client = transfer_client or client
        self._bucket = bucket
        # With `*` it comes before botocore's own handlers, which parse all of the body as well.
        client.meta.events.register("before-parse.*.ListParts", read_parts)

    def create(self, key: str, media_type: str, metadata: Mapping[str, str]) -> str:
        with translate_errors("S3"):
            begun = self._client.create_multipart_upload(
                Bucket=self._bucket, Key=key, ContentType=media_type, Metadata=dict(metadata)
            )
        return str(begun["UploadId"])

    def put_part(
        self,
        key: str,
        multipart_id: str,
        number: int,
        body: bytes | memoryview,
        checksum: PartChecksum | None = None,
    ) -> str:
        more: dict[str, Any] = (
            {f"Checksum{checksum.algorithm.upper()}": checksum.value} if checksum else {}
        )
        # botocore accepts no memoryview. bytes() of a bytes object copies nothing.
        with _multipart_errors():
            stored = self._transfer_client.upload_part(
                **self._name(key, multipart_id), PartNumber=number, Body=bytes(body), **more
            )
        return str(stored["ETag"]).strip('"')

    def copy_part(
        self,
        key: str,
        multipart_id: str,
        number: int,
        source: str,
        start: int,
        end: int,
        *,
        is_whole: bool = False,
    ) -> Part:
        selected: dict[str, Any] = (
            {} if is_whole else {"CopySourceRange": f"bytes={start}-{end - 1}"}
        )
        with _multipart_errors():
            try:
                copied = self._transfer_client.upload_part_copy(
                    **self._name(key, multipart_id),
                    PartNumber=number,
                    CopySource={"Bucket": self._bucket, "Key": source},
                    **selected,
                )
            except ClientError as error:
                # A role without s3:ListBucket gets 403 for a missing object.
                if code_of(error) in ("NoSuchKey", "404", "AccessDenied", "403"):
                    raise ObjectMissing(f"There is no object {source} to copy.") from error
                raise
        return Part(number, end - start, copied["CopyPartResult"]["ETag"].strip('"'))

    def list_parts(
        self, key: str, multipart_id: str, first: int = 1, last: int = S3_MAX_PARTS
    ) -> Sequence[Part]:
        parts: list[Part] = []
        marker = first - 1
        while marker < last:
            with _multipart_errors():
                page = self._client.list_parts(
                    **self._name(key, multipart_id),
                    PartNumberMarker=marker,
                    # A short page costs less to read than a long one.
                    MaxParts=min(last - marker, PAGE_SIZE),
                )
            found = page.get("Parts", [])
            parts += [Part(p["PartNumber"], p["Size"], p["ETag"].strip('"')) for p in found]
            if not found or not page.get("IsTruncated"):
                break
            marker = found[-1]["PartNumber"]
        return [part for part in parts if part.number <= last]

    def complete(self, key: str, multipart_id: str, parts: Sequence[Part]) -> str:
        wanted: CompletedMultipartUploadTypeDef = {
            "Parts": [{"PartNumber": part.number, "ETag": f'"{part.etag}"'} for part in parts]
        }
        for _ in range(UNCONFIRMED_TRIES):
            with _multipart_errors():
                done = self._transfer_client.complete_multipart_upload(
                    **self._name(key, multipart_id), MultipartUpload=wanted
                )
            # botocore accepts a 200 with an empty body. Only an ETag proves that the object exists.
            if etag := done.get("ETag"):
                return etag.strip('"')
            log.warning("s3.completion_unconfirmed", key=key)
            # If S3 has completed it nevertheless, this raises MultipartUploadGone.
            self.list_parts(key, multipart_id)
        raise StorageUnavailable(
            "Our storage did not confirm the file. Nothing is lost. Please try again in a moment.",
            retry_after=RETRY_AFTER,
        )

    def abort(self, key: str, multipart_id: str) -> None:
        # A part that is still being sent may be stored after the abort. S3 documents that the abort
        # must be repeated until ListParts is empty.
        try:
            for _ in range(3):
                with _multipart_errors():
                    self._client.abort_multipart_upload(**self._name(key, multipart_id))
                if not self.list_parts(key, multipart_id):
                    return
        except MultipartUploadGone:
            return

    def list_open(self, prefix: str, after: str = "") -> Iterator[OpenMultipartUpload]:
        pages = self._client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self._bucket,
            Prefix=prefix,
            KeyMarker=after,  # type: ignore[call-arg]  # of the first page
        )
        with translate_errors("S3"):
            for page in pages:
                # Some emulators do not order them, and some list those of the marker itself, too.
                for found in sorted(page.get("Uploads", []), key=lambda each: each["Key"]):
                    if found["Key"] > after:
                        yield OpenMultipartUpload(
                            found["Key"], found["UploadId"], found["Initiated"].timestamp()
                        )

    def _name(self, key: str, multipart_id: str) -> _UploadName:
        return {"Bucket": self._bucket, "Key": key, "UploadId": multipart_id}


@contextmanager
def _multipart_errors() -> Iterator[None]:
    with translate_errors("S3"):
        try:
            yield
        except ClientError as error:
            if code_of(error) == "InvalidPart":
                raise PartsChanged("A part was stored again after it was listed.") from error
            if code_of(error) == "BadDigest":
                raise ChecksumMismatch(
                    "The bytes that arrived in our storage do not match their checksum. "
                    "Please send the part again."
                ) from error
            if code_of(error) in ("NoSuchUpload", "404"):
                raise MultipartUploadGone("S3 does not know this multipart upload.") from error
            if code_of(error) == "EntityTooSmall":
                raise PartSizeMismatch(
                    f"Every part but the last must have at least {MIN_PART_SIZE} bytes.",
                    expected=MIN_PART_SIZE,
                ) from error
            raise
