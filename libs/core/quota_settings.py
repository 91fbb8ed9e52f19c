"""Define the settings of quotas, which the services for visitors share."""

from pydantic import Field

from libs.core.domain.quotas import QuotaLimits, Resource
from libs.core.settings import Settings

GIB = 1024**3


class QuotaSettings(Settings):
    """Limit what one session and one client address may use."""

    uploads_per_hour: int = Field(
        default=500,
        ge=1,
        description="uploads that one session may begin in an hour; two hundred files of an "
        "archive are common, a thousand are a program",
        examples=["500"],
    )
    upload_bytes_per_hour: int = Field(
        default=250 * GIB,
        ge=1,
        description="bytes that the uploads of one session may declare in an hour; more than a "
        "line of 500 Mbit/s can send",
        examples=["268435456000"],
    )
    conversions_per_hour: int = Field(
        default=400,
        ge=1,
        description="conversions that one session may request in an hour; two formats of two "
        "hundred files",
        examples=["400"],
    )
    urls_per_minute: int = Field(
        default=6000,
        ge=1,
        description="upload URLs that one session may have signed in a minute; with parts of 5 MiB "
        "they take 4 Gbit/s",
        examples=["6000"],
    )
    address_factor: int = Field(
        default=10,
        ge=1,
        description="times that the limits of a session are granted to all sessions of a client "
        "address together; many people share one behind a router",
        examples=["10"],
    )
    sessions_per_hour: int = Field(
        default=250,
        ge=1,
        description="sessions that may begin at one client address in an hour; a browser begins "
        "one a month, so that this serves a school or an office",
        examples=["250"],
    )

    @property
    def quota_limits(self) -> QuotaLimits:
        """Return the limits of sessions and addresses."""
        return QuotaLimits(
            per_session={
                Resource.UPLOADS: self.uploads_per_hour,
                Resource.UPLOAD_BYTES: self.upload_bytes_per_hour,
                Resource.CONVERSIONS: self.conversions_per_hour,
                Resource.URLS: self.urls_per_minute,
            },
            sessions_per_address=self.sessions_per_hour,
            address_factor=self.address_factor,
        )
