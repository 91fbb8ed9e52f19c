"""Define the settings of the progress service."""

from typing import Literal

from pydantic import AliasChoices, Field

from libs.core.quota_settings import QuotaSettings


class ProgressSettings(QuotaSettings):
    """Choose where changes come from, and limit event streams."""

    progress_feed: Literal["stream", "poll"] = Field(
        default="stream",
        description=(
            "the way in which the service learns of changes: from the table's stream, which one "
            "instance at a time follows while the others poll the table, or by polling only"
        ),
        examples=["poll"],
    )
    poll_every: float = Field(
        default=2,
        gt=0,
        description="the seconds between reads of the table while polling, and of queue positions",
        examples=["2"],
    )
    keep_alive: float = Field(
        default=15,
        gt=0,
        description="the seconds between comments in a stream; proxies close silent ones after 60",
        examples=["15"],
        validation_alias=AliasChoices("TINYPIXO_KEEP_ALIVE", "TINYPIXO_HEARTBEAT"),
    )
    stream_lifetime: float = Field(
        default=100,
        gt=0,
        le=110,
        description="the seconds after which a stream ends and the browser reconnects; App Runner "
        "ends requests after 120",
        examples=["100"],
    )
    write_timeout: float = Field(
        default=20,
        gt=0,
        description="the seconds that a client may take to receive an event before it is "
        "disconnected",
        examples=["20"],
    )
    streams_per_session: int = Field(
        default=20,
        ge=1,
        description="the number of event streams that one session may have open; tabs share a "
        "session",
        examples=["20"],
    )
    streams_per_address: int = Field(
        default=200,
        ge=1,
        description="the number of event streams that one client address may have open at one "
        "instance; a new session does not give new ones",
        examples=["200"],
    )
    streams_per_instance: int = Field(
        default=2000,
        ge=1,
        description="the number of event streams that one instance takes",
        examples=["2000"],
    )
