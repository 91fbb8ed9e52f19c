"""Settings of the janitor."""

from pydantic import Field, SecretStr

from libs.core.settings import Settings

HOUR = 3600


class JanitorSettings(Settings):
    """Where it hears of removed items, who may ask it to sweep, and how long it waits before it calls something left over."""

    janitor_inbox_url: str = Field(
        description="the SQS queue that removed items come in by",
        examples=["https://sqs.eu-central-1.amazonaws.com/123456789012/tinypixo-janitor-inbox"],
        pattern=r"^https?://",
    )
    janitor_token: SecretStr = Field(
        description="the bearer token that POST /sweep wants",
        examples=["the output of: openssl rand -hex 32"],
        min_length=16,
    )
    janitor_visibility: float = Field(
        default=60,
        ge=2,
        le=12 * HOUR,
        description="seconds that a message is hidden while its objects are erased; after that it comes again",
        examples=["60"],
    )
    sweep_grace: float = Field(
        default=HOUR,
        ge=0,
        description="seconds that an object or multipart upload without an item is left alone: its item may be on its way",
        examples=["3600"],
    )
    sweep_limit: float = Field(
        default=100,
        gt=0,
        description="seconds after which a sweep stops, to be gone on with by the next: App Runner ends requests at 120",
        examples=["100"],
    )
    sweep_every: float = Field(
        default=0,
        ge=0,
        description="seconds between sweeps that the service makes by itself (0: none, a schedule asks)",
        examples=["60"],
    )
