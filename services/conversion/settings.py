"""Define the settings of the conversion service."""

import os

from pydantic import Field

from libs.core.quota_settings import QuotaSettings
from libs.core.settings import URL, Lifetime, Settings

HOUR = 3600


class WorkerSettings(Settings):
    """Hold the inbox, the limits and the sizes of a worker."""

    conversion_inbox_url: str = Field(
        description="the URL of the SQS queue that receives S3 events and queued conversions",
        examples=["https://sqs.eu-central-1.amazonaws.com/123456789012/tinypixo-conversion-inbox"],
        pattern=r"^https?://",
    )
    slots: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=0,
        le=64,
        description="the number of conversions that run at once (0: only the API)",
        examples=["2"],
    )
    lease: float = Field(
        default=15,
        ge=2,
        le=600,
        description="the seconds without a write of its item after which another worker takes over",
        examples=["15"],
    )
    drain: float = Field(
        default=20,
        ge=0,
        le=110,
        description="the seconds for which conversions may go on after SIGTERM; the rest is queued "
        "again",
        examples=["20"],
    )
    ecs_agent_uri: str | None = Field(
        default=None,
        description="the endpoint of the ECS agent, which ECS sets",
        examples=["http://169.254.170.2/api/0123"],
        validation_alias="ECS_AGENT_URI",
        pattern=URL,
    )
    max_duration: float = Field(
        default=24 * HOUR,
        gt=0,
        description="the duration of the longest source that is accepted, in seconds",
        examples=["86400"],
    )
    ffmpeg: str | None = Field(
        default=None,
        description="the path of an FFmpeg to use instead of the packaged one",
        examples=["/usr/bin/ffmpeg"],
        validation_alias="FFMPEG",
    )


class ConversionSettings(WorkerSettings, QuotaSettings):
    """Add what the API needs."""

    lifetime: Lifetime
    download_lifetime: int = Field(
        default=HOUR,
        ge=1,
        le=7 * 24 * HOUR,
        description="the seconds for which a download URL is valid",
        examples=["3600"],
    )
