"""Define the settings of the conversion service."""

import os

from pydantic import Field

from libs.core.quota_settings import QuotaSettings
from libs.core.settings import URL

HOUR = 3600


class ConversionSettings(QuotaSettings):
    """Hold the inbox, the limits and the sizes of the conversion service."""

    conversion_inbox_url: str = Field(
        description="URL of the SQS queue that receives S3 events and queued conversions",
        examples=["https://sqs.eu-central-1.amazonaws.com/123456789012/tinypixo-conversion-inbox"],
        pattern=r"^https?://",
    )
    lifetime: int = Field(
        default=24 * HOUR,
        ge=60,
        description="seconds that a conversion and its output are kept",
        examples=["86400"],
    )
    download_lifetime: int = Field(
        default=HOUR,
        ge=1,
        le=7 * 24 * HOUR,
        description="seconds for which a download URL is valid",
        examples=["3600"],
    )
    slots: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=0,
        le=64,
        description="number of conversions that run at once (0: none, the API only)",
        examples=["2"],
    )
    lease: float = Field(
        default=15,
        ge=2,
        le=600,
        description=("seconds without a progress write after which another worker takes over"),
        examples=["15"],
    )
    drain: float = Field(
        default=20,
        ge=0,
        le=110,
        description="seconds that conversions may go on after SIGTERM; the rest is queued again",
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
        description="duration of the longest source that is accepted, in seconds",
        examples=["86400"],
    )
    ffmpeg: str | None = Field(
        default=None,
        description="path of an FFmpeg to use instead of the packaged one",
        examples=["/usr/bin/ffmpeg"],
        validation_alias="FFMPEG",
    )
