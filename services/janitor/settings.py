"""Define the settings of the janitor."""

from pydantic import Field, SecretStr

from libs.core.settings import Settings

HOUR = 3600


class JanitorSettings(Settings):
    """Hold the inbox, the token, and the times of the janitor."""

    janitor_inbox_url: str = Field(
        description="the URL of the SQS queue that receives removed items",
        examples=["https://sqs.eu-central-1.amazonaws.com/123456789012/tinypixo-janitor-inbox"],
        pattern=r"^https?://",
    )
    janitor_token: SecretStr = Field(
        description="the bearer token that POST /sweep requires",
        examples=["the output of: openssl rand -hex 32"],
        min_length=16,
    )
    janitor_visibility: float = Field(
        default=60,
        ge=2,
        le=12 * HOUR,
        description=(
            "the seconds for which a message is hidden while its objects are deleted; "
            "then it is delivered again"
        ),
        examples=["60"],
    )
    sweep_grace: float = Field(
        default=900,
        ge=0,
        description=(
            "the seconds for which an object or multipart upload without an item is kept: "
            "its item may not be written yet"
        ),
        examples=["900"],
    )
    sweep_limit: float = Field(
        default=100,
        gt=0,
        description=(
            "the seconds after which a sweep stops and leaves the rest to the next one: "
            "App Runner ends requests at 120"
        ),
        examples=["100"],
    )
    sweep_every: float = Field(
        default=300,
        ge=0,
        description=(
            "the seconds between sweeps that the service starts itself; if there are several "
            "janitors, one of them sweeps each time (0: only POST /sweep and the command)"
        ),
        examples=["300"],
    )
