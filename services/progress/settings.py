"""Settings of the progress service."""

from typing import Literal

from pydantic import Field

from libs.core.settings import Settings


class ProgressSettings(Settings):
    """How changes come in, and the limits of an event stream, each with its reason."""

    progress_feed: Literal["stream", "poll"] = Field(
        default="stream",
        description="where changes come from: the table's stream, which takes one instance of this service beside the pipe, or reading again and again, for more instances than one",
        examples=["poll"],
    )
    poll_every: float = Field(
        default=2,
        gt=0,
        description="seconds between reads where no change is told of, and between looks at the queue",
        examples=["2"],
    )
    heartbeat: float = Field(
        default=15,
        gt=0,
        description="seconds between comments in a stream: proxies end what is silent for 60",
        examples=["15"],
    )
    stream_lifetime: float = Field(
        default=100,
        gt=0,
        le=110,
        description="seconds after which a stream is ended, for the browser to begin another: App Runner ends requests at 120",
        examples=["100"],
    )
    write_limit: float = Field(
        default=20,
        gt=0,
        description="seconds that a reader may take to make room for the next event before it is cut",
        examples=["20"],
    )
    streams_per_session: int = Field(
        default=20,
        ge=1,
        description="event streams that one session may have open: tabs share a session",
        examples=["20"],
    )
    streams_per_instance: int = Field(
        default=2000, ge=1, description="event streams that this process takes", examples=["2000"]
    )
