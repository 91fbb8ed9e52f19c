"""Presign S3 URLs for the endpoint that browsers use."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from libs.core.adapters.aws.errors import translate_errors
from libs.core.domain.checksums import PartChecksum
from libs.core.ports.url_signer import PresignedForm, UrlSigner

if TYPE_CHECKING:
    from datetime import datetime

    from botocore.credentials import Credentials
    from mypy_boto3_s3 import S3Client


class S3UrlSigner(UrlSigner):
    """Sign URLs of one bucket. The client has the public endpoint."""

    def __init__(
        self,
        client: S3Client,
        bucket: str,
        credentials: Credentials | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Limit lifetimes to the expiry of `credentials`, which are those of the client."""
        self._client = client
        self._bucket = bucket
        self._credentials = credentials
        self._clock = clock

    def limit_lifetime(self, lifetime: int) -> int:
        if self._credentials is None:
            return lifetime
        with translate_errors("S3"):
            self._credentials.get_frozen_credentials()  # refreshes them if they are about to expire
        # botocore has no public name for it. Credentials of a user have none.
        expiry: datetime | None = getattr(self._credentials, "_expiry_time", None)
        if expiry is None:
            return lifetime
        return max(1, min(lifetime, int(expiry.timestamp() - self._clock())))

    def sign_part(
        self,
        key: str,
        multipart_id: str,
        number: int,
        size: int | None,
        lifetime: int,
        checksum: PartChecksum | None = None,
    ) -> str:
        part: dict[str, Any] = {"Key": key, "UploadId": multipart_id, "PartNumber": number}
        if size is not None:
            # A signed Content-Length makes S3 refuse any other length.
            part["ContentLength"] = size
        if checksum is not None:
            part[f"Checksum{checksum.algorithm.upper()}"] = checksum.value
        return self._sign("upload_part", part, lifetime)

    def sign_form(self, key: str, media_type: str, max_size: int, lifetime: int) -> PresignedForm:
        fixed = {"Content-Type": media_type}
        signed = self._client.generate_presigned_post(
            self._bucket,
            key,
            Fields=dict(fixed),
            Conditions=[fixed, ["content-length-range", 1, max_size]],
            ExpiresIn=self.limit_lifetime(lifetime),
        )
        return PresignedForm(signed["url"], signed["fields"])

    def sign_download(
        self, key: str, filename: str, media_type: str, lifetime: int, *, inline: bool = False
    ) -> str:
        wanted = {
            "Key": key,
            "ResponseContentType": media_type,
            "ResponseContentDisposition": content_disposition(filename, inline=inline),
        }
        return self._sign("get_object", wanted, lifetime)

    def _sign(
        self, operation: Literal["upload_part", "get_object"], params: dict[str, Any], lifetime: int
    ) -> str:
        params = {"Bucket": self._bucket, **params}
        return str(
            self._client.generate_presigned_url(
                operation, Params=params, ExpiresIn=self.limit_lifetime(lifetime)
            )
        )


def content_disposition(filename: str, *, inline: bool) -> str:
    """Return the header (RFC 6266) with the name in ASCII and, by RFC 8187, in UTF-8."""
    ascii_name = "".join(c if " " <= c <= "~" and c not in '"\\%' else "_" for c in filename)
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(filename, safe='')}"
