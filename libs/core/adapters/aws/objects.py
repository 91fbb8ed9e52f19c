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

from libs.core.adapters.aws.errors import code_of, translate_errors
from libs.core.errors import ObjectMissing
from libs.core.ports.objects import ObjectInfo, ObjectStore, UndeletedObject

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
        return ObjectInfo(
            key, found["ContentLength"], found["ETag"].strip('"'), found["LastModified"].timestamp()
        )

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        if end <= start:
            return  # HTTP has no empty range: S3 would send the whole object
        with _object_errors(key):
            body = self._client.get_object(
                Bucket=self._bucket, Key=key, Range=f"bytes={start}-{end - 1}"
            )["Body"]
            try:
                yield from body.iter_chunks(READ_BLOCK)
            finally:
                body.close()

    def put(self, key: str, body: bytes, media_type: str, metadata: Mapping[str, str]) -> str:
        with translate_errors("S3"):
            stored = self._bulk.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                ContentType=media_type,
                Metadata=dict(metadata),
            )
        return str(stored["ETag"]).strip('"')

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix
        )
        with translate_errors("S3"):
            for page in pages:
                for found in page.get("Contents", []):
                    yield ObjectInfo(
                        found["Key"],
                        found["Size"],
                        found["ETag"].strip('"'),
                        found["LastModified"].timestamp(),
                    )

    def erase(self, keys: Iterable[str]) -> Sequence[UndeletedObject]:
        rest = iter(keys)
        failed: list[UndeletedObject] = []
        while batch := list(islice(rest, ERASE_BATCH)):
            wanted = {"Objects": [{"Key": key} for key in batch], "Quiet": True}
            with translate_errors("S3"):
                answer = self._client.delete_objects(Bucket=self._bucket, Delete=wanted)
            # A DeleteObjects answer of 200 may still name keys that it did not delete.
            failed += [
                UndeletedObject(error["Key"], f"{error['Code']}: {error.get('Message', '')}")
                for error in answer.get("Errors", [])
                if error["Code"] != "NoSuchKey"
            ]
        return failed


@contextmanager
def _object_errors(key: str) -> Iterator[None]:
    with translate_errors("S3"):
        try:
            yield
        except ClientError as error:
            if code_of(error) in ("NoSuchKey", "404", "NotFound"):
                raise ObjectMissing(f"There is no object {key}.") from error
            raise
