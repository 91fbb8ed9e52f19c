"""Define the settings of quotas, which the services for visitors share."""

from pydantic import Field

from libs.core.domain.quotas import QuotaLimits, Resource
from libs.core.settings import VisitorSettings

GIB = 1024**3


class QuotaSettings(VisitorSettings):
    """Limit what one session and one client address may use."""

    # People upload 200 files of an archive; a thousand come from a program.
    uploads_per_hour: int = Field(
        default=500,
        ge=1,
        description="the number of uploads that one session may begin in an hour",
        examples=["500"],
    )
    # More than a line of 500 Mbit/s can send.
    upload_bytes_per_hour: int = Field(
        default=250 * GIB,
        ge=1,
        description="the number of bytes that the uploads of one session may declare in an hour",
        examples=["268435456000"],
    )
    # Two formats of two hundred files.
    conversions_per_hour: int = Field(
        default=400,
        ge=1,
        description="the number of conversions that one session may request in an hour",
        examples=["400"],
    )
    # Each queued conversion costs all workers something, and conversions live for a day.
    conversions_per_day: int = Field(
        default=1000,
        ge=1,
        description="the number of conversions that one session may request in a day (UTC)",
        examples=["1000"],
    )
    # With parts of 5 MiB they take 4 Gbit/s.
    urls_per_minute: int = Field(
        default=6000,
        ge=1,
        description="the number of upload URLs that one session may have signed in a minute",
        examples=["6000"],
    )
    # Many people share an address behind a router.
    address_factor: int = Field(
        default=10,
        ge=1,
        description="the factor by which the limits of a client address exceed those of a session",
        examples=["10"],
    )
    # A browser begins one a month, so this serves a school or an office.
    sessions_per_hour: int = Field(
        default=250,
        ge=1,
        description="the number of sessions that one client address may begin or revoke in an hour",
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
                Resource.CONVERSIONS_OF_DAY: self.conversions_per_day,
                Resource.URLS: self.urls_per_minute,
            },
            sessions_per_address=self.sessions_per_hour,
            address_factor=self.address_factor,
        )
