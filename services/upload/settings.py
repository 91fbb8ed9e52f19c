"""Define the settings of the upload service."""

from dataclasses import replace

from pydantic import AliasChoices, Field

from libs.core.domain.quotas import QuotaLimits, Resource
from libs.core.domain.uploads import GIB
from libs.core.quota_settings import QuotaSettings
from libs.core.settings import Lifetime

HOUR = 3600


class UploadSettings(QuotaSettings):
    """Limit the size and the lifetime of uploads, and the parts held in memory at once."""

    max_file_size: int = Field(
        default=5 * GIB,
        gt=0,
        le=5 * 1024 * GIB,
        description="the largest file that can be uploaded, in bytes",
        examples=["5368709120"],
    )
    lifetime: Lifetime
    sign_lifetime: int = Field(
        default=HOUR,
        ge=1,
        le=7 * 24 * HOUR,
        description="the seconds for which a presigned part URL is valid",
        examples=["3600"],
    )
    max_parts_in_memory: int = Field(
        default=16,
        ge=1,
        description="the number of parts that may come through the service at once; each is held "
        "in memory",
        examples=["16"],
        validation_alias=AliasChoices("TINYPIXO_PARTS_IN_MEMORY", "TINYPIXO_PARTS_AT_ONCE"),
    )

    @property
    def quota_limits(self) -> QuotaLimits:
        """Return the limits of sessions and addresses; the largest file is always within them."""
        limits = super().quota_limits
        bytes_an_hour = max(self.upload_bytes_per_hour, self.max_file_size)
        return replace(
            limits, per_session={**limits.per_session, Resource.UPLOAD_BYTES: bytes_an_hour}
        )

    @property
    def public_url(self) -> str | None:
        """Return the URL of the page if requests come through CloudFront, otherwise None.

        They then have the host name of the load balancer, which visitors need not know.
        """
        return min(self.page_origins, default=None) if self.origin_secrets else None
