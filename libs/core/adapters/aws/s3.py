"""Objects and multipart uploads in S3.

Permissions: s3:GetObject, s3:PutObject, s3:AbortMultipartUpload, s3:ListMultipartUploadParts, s3:DeleteObject on the keys
that a service uses; s3:ListBucket, without which HeadObject says 403 of an object that is not there; for the janitor
s3:ListBucketMultipartUploads. `deploy/aws/roles.yaml` has what each service needs.

Objects: `uploads/<upload>/source` by one multipart upload; `outputs/<conversion>/<attempt>.<extension>` by one multipart
upload or, when small, one PUT.

Considerations: an object is what HeadObject says, never what a caller says. A multipart upload that is gone may have been
completed by an earlier call whose reply was lost, so who gets MultipartUploadGone asks `head`. S3 keeps ETag = MD5 of a
part only without KMS encryption; the bucket uses SSE-S3.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from libs.core.adapters.aws.errors import code_of, translated
from libs.core.errors import MultipartUploadGone, ObjectMissing
from libs.core.ports.objects import MultipartUploads, NotErased, ObjectInfo, ObjectStore, OpenMultipartUpload, Part

READ_BLOCK = 256 * 1024
"""Bytes handed on at a time: large enough to cost nothing, small enough to start at once."""

ERASE_BATCH = 1000
"""Keys a DeleteObjects call takes at most."""


class S3ObjectStore(ObjectStore):
    """ObjectStore on one bucket. `bulk` is a client with more patience, for what carries bytes to S3."""

    def __init__(self, client: Any, bucket: str, bulk: Any = None) -> None:
        self._client = client
        self._bulk = bulk or client
        self._bucket = bucket

    def head(self, key: str) -> ObjectInfo:
        with _object_errors(key):
            found = self._client.head_object(Bucket=self._bucket, Key=key)
        return ObjectInfo(key, found["ContentLength"], found["ETag"].strip('"'), found["LastModified"].timestamp())

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        if end <= start:
            return  # HTTP has no empty range: S3 would send the whole object
        with _object_errors(key):
            body = self._client.get_object(Bucket=self._bucket, Key=key, Range=f"bytes={start}-{end - 1}")["Body"]
            try:
                yield from body.iter_chunks(READ_BLOCK)
            finally:
                body.close()

    def put(self, key: str, body: bytes, media_type: str, metadata: Mapping[str, str]) -> str:
        with translated("S3"):
            stored = self._bulk.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=media_type, Metadata=dict(metadata))
        return str(stored["ETag"]).strip('"')

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        with translated("S3"):
            for page in pages:
                for found in page.get("Contents", []):
                    yield ObjectInfo(found["Key"], found["Size"], found["ETag"].strip('"'), found["LastModified"].timestamp())

    def erase(self, keys: Iterable[str]) -> Sequence[NotErased]:
        rest = iter(keys)
        failed: list[NotErased] = []
        while batch := list(islice(rest, ERASE_BATCH)):
            wanted = {"Objects": [{"Key": key} for key in batch], "Quiet": True}
            with translated("S3"):
                answer = self._client.delete_objects(Bucket=self._bucket, Delete=wanted)
            # A DeleteObjects answer of 200 may still name keys that it did not delete.
            failed += [
                NotErased(error["Key"], f"{error['Code']}: {error.get('Message', '')}")
                for error in answer.get("Errors", [])
                if error["Code"] != "NoSuchKey"
            ]
        return failed


class S3MultipartUploads(MultipartUploads):
    """MultipartUploads on one bucket. `bulk` is a client with more patience, for what carries bytes to S3 or puts them together."""

    def __init__(self, client: Any, bucket: str, bulk: Any = None) -> None:
        self._client = client
        self._bulk = bulk or client
        self._bucket = bucket

    def create(self, key: str, media_type: str, metadata: Mapping[str, str]) -> str:
        with translated("S3"):
            begun = self._client.create_multipart_upload(Bucket=self._bucket, Key=key, ContentType=media_type, Metadata=dict(metadata))
        return str(begun["UploadId"])

    def put_part(self, key: str, multipart_id: str, number: int, body: bytes | memoryview) -> str:
        # botocore takes no memoryview; bytes() of bytes copies nothing.
        with _multipart_errors():
            stored = self._bulk.upload_part(**self._name(key, multipart_id), PartNumber=number, Body=bytes(body))
        return str(stored["ETag"]).strip('"')

    def list_parts(self, key: str, multipart_id: str) -> Sequence[Part]:
        pages = self._client.get_paginator("list_parts").paginate(**self._name(key, multipart_id))
        with _multipart_errors():
            return [Part(part["PartNumber"], part["Size"], part["ETag"].strip('"')) for page in pages for part in page.get("Parts", [])]

    def complete(self, key: str, multipart_id: str, parts: Sequence[Part]) -> str:
        wanted = {"Parts": [{"PartNumber": part.number, "ETag": f'"{part.etag}"'} for part in parts]}
        with _multipart_errors():
            done = self._bulk.complete_multipart_upload(**self._name(key, multipart_id), MultipartUpload=wanted)
        # A 200 with an empty body passes botocore without an error; only an ETag says that there is an object.
        if not done.get("ETag"):
            raise MultipartUploadGone("S3 answered the completion without naming the object.")
        return str(done["ETag"]).strip('"')

    def abort(self, key: str, multipart_id: str) -> None:
        # A part that is on its way may arrive after the abort and stay, so it is repeated until S3 knows of none.
        try:
            for _ in range(3):
                with _multipart_errors():
                    self._client.abort_multipart_upload(**self._name(key, multipart_id))
                if not self.list_parts(key, multipart_id):
                    return
        except MultipartUploadGone:
            return

    def list_open(self, prefix: str) -> Iterator[OpenMultipartUpload]:
        pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=prefix)
        with translated("S3"):
            for page in pages:
                for found in page.get("Uploads", []):
                    yield OpenMultipartUpload(found["Key"], found["UploadId"], found["Initiated"].timestamp())

    def _name(self, key: str, multipart_id: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": key, "UploadId": multipart_id}


@contextmanager
def _object_errors(key: str) -> Iterator[None]:
    with translated("S3"):
        try:
            yield
        except ClientError as error:
            if code_of(error) in ("NoSuchKey", "404", "NotFound"):
                raise ObjectMissing(f"There is no object {key}.") from error
            raise


@contextmanager
def _multipart_errors() -> Iterator[None]:
    with translated("S3"):
        try:
            yield
        except ClientError as error:
            if code_of(error) in ("NoSuchUpload", "404"):
                raise MultipartUploadGone("S3 does not know this multipart upload (any more).") from error
            raise
