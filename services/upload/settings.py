"""Settings of the upload service."""

from pydantic import Field

from libs.core.domain.uploads import GIB
from libs.core.settings import Settings

HOUR = 3600


class UploadSettings(Settings):
    """Limits, each with its reason."""

    max_file_size: int = Field(
        default=5 * GIB,
        gt=0,
        le=5 * 1024 * GIB,
        description="the largest file taken, in bytes",
        examples=["5368709120"],
    )
    lifetime: int = Field(
        default=24 * HOUR,
        ge=60,
        description="seconds that an upload and what is made of it are kept",
        examples=["86400"],
    )
    sign_lifetime: int = Field(
        default=HOUR,
        ge=1,
        le=7 * 24 * HOUR,
        description="seconds that a presigned part URL is good for",
        examples=["3600"],
    )
    parts_at_once: int = Field(
        default=16,
        ge=1,
        description="how many parts may come through the service at once; each is held in memory while it does",
        examples=["16"],
    )
