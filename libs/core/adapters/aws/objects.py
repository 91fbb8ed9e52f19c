"""Store objects in S3.

Permissions: s3:GetObject, s3:PutObject, s3:DeleteObject on the keys that a service uses.
`deploy/aws/roles.yaml` lists those of each service. To a role without s3:ListBucket, S3 answers 403
for a missing object, so 403 counts as missing.

Keys: `uploads/<upload>/source`, `uploads/<upload>/remainder-<writer>` (tus) and
`outputs/<conversion>/<attempt>.<extension>`. Large objects are
written by one multipart upload, small outputs by one PUT. The ETag of a part is its MD5 only
without KMS encryption; the bucket uses SSE-S3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

import structlog
from botocore.exceptions import ClientError

from libs.core.adapters.aws.errors import code_of, translate_errors
from libs.core.errors import ObjectMissing
from libs.core.ports.objects import ObjectInfo, ObjectStore, UndeletedObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import DeleteTypeDef

log = structlog.get_logger(__name__)

READ_BLOCK = 256 * 1024
"""Bytes of one block of `read`."""

DELETE_BATCH = 1000
"""Maximum number of keys in a DeleteObjects request."""


class S3ObjectStore(ObjectStore):
    """Store objects in one bucket. `transfer_client` has longer timeouts, for what takes long."""

    def __init__(
        self, client: S3Client, bucket: str, transfer_client: S3Client | None = None
    ) -> None:
        self._client = client
        self._transfer_client = transfer_client or client
        self._bucket = bucket

    def head(self, key: str) -> ObjectInfo:
        with _object_errors(key):
            found = self._client.head_object(Bucket=self._bucket, Key=key)
        return ObjectInfo(
            key, found["ContentLength"], found["ETag"].strip('"'), found["LastModified"].timestamp()
        )

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        if end <= start:
            return  # HTTP has no empty range, and S3 would send the whole object.
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
            stored = self._transfer_client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                ContentType=media_type,
                Metadata=dict(metadata),
            )
        return str(stored["ETag"]).strip('"')

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix, StartAfter=after
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

    def delete(self, keys: Iterable[str]) -> Sequence[UndeletedObject]:
        rest = iter(keys)
        failed: list[UndeletedObject] = []
        while batch := list(islice(rest, DELETE_BATCH)):
            wanted: DeleteTypeDef = {"Objects": [{"Key": key} for key in batch], "Quiet": True}
            with translate_errors("S3"):
                answer = self._transfer_client.delete_objects(Bucket=self._bucket, Delete=wanted)
            # DeleteObjects answers 200 also when it could not delete some of the keys.
            failed += [
                UndeletedObject(error["Key"], f"{error['Code']}: {error.get('Message', '')}")
                for error in answer.get("Errors", [])
                if error["Code"] != "NoSuchKey"
            ]
        return failed


_MISSING = ("NoSuchKey", "404", "NotFound")
_FORBIDDEN = ("AccessDenied", "403")


@contextmanager
def _object_errors(key: str) -> Iterator[None]:
    with translate_errors("S3"):
        try:
            yield
        except ClientError as error:
            if (code := code_of(error)) in _FORBIDDEN:
                log.warning("object.forbidden", key=key, code=code)
            if code in (*_MISSING, *_FORBIDDEN):
                raise ObjectMissing(f"There is no object {key}.") from error
            raise
