"""Settings: read once from the environment, frozen, and refused at the start when one is missing or wrong.

Every field says what it is for (`description`) and what it looks like (`examples`): that is what a person reads who
forgot one. Credentials are not here, and endpoints only to be checked: botocore reads them by itself.
"""

import os
import sys
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "TINYPIXO_"
URL = r"^https?://[^/\s]+"


class Settings(BaseSettings):
    """What every service needs."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True
    )

    bucket: str = Field(
        description="the S3 bucket of all files",
        examples=["tinypixo-data-123456789012"],
        min_length=3,
    )
    table: str = Field(
        description="the DynamoDB table of all state", examples=["tinypixo"], min_length=3
    )
    session_secret: SecretStr = Field(
        description="the secret that sessions are encrypted with, the same for all services",
        examples=["the output of: openssl rand -hex 32"],
        min_length=32,
    )
    aws_region: str = Field(
        description="the AWS region",
        examples=["eu-central-1"],
        validation_alias=AliasChoices("AWS_REGION", "AWS_DEFAULT_REGION"),
        pattern=r"^[a-z]{2,}(-[a-z]+)+-\d+$",
    )
    endpoint: str | None = Field(
        default=None,
        description="an emulator's endpoint instead of AWS",
        examples=["http://localhost:4566"],
        validation_alias="AWS_ENDPOINT_URL",
        pattern=URL,
    )
    s3_endpoint: str | None = Field(
        default=None,
        description="S3's endpoint, where it is not that of the other services",
        examples=["http://localhost:9000"],
        validation_alias="AWS_ENDPOINT_URL_S3",
        pattern=URL,
    )
    dynamodb_endpoint: str | None = Field(
        default=None,
        description="DynamoDB's endpoint, where it is not that of the other services",
        examples=["http://localhost:8001"],
        validation_alias="AWS_ENDPOINT_URL_DYNAMODB",
        pattern=URL,
    )
    streams_endpoint: str | None = Field(
        default=None,
        description="the endpoint of DynamoDB's streams, where it is not DynamoDB's own",
        examples=["http://localhost:8001"],
        validation_alias=AliasChoices(
            "AWS_ENDPOINT_URL_DYNAMODB_STREAMS", "AWS_ENDPOINT_URL_DYNAMODB"
        ),
        pattern=URL,
    )
    sqs_endpoint: str | None = Field(
        default=None,
        description="SQS's endpoint, where it is not that of the other services",
        examples=["http://localhost:9324"],
        validation_alias="AWS_ENDPOINT_URL_SQS",
        pattern=URL,
    )
    public_s3_endpoint: str | None = Field(
        default=None,
        description="S3's endpoint as browsers reach it, where it is another than the services use",
        examples=["http://localhost:4566"],
        pattern=URL,
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="how much is logged", examples=["info"]
    )
    log_format: Literal["json", "text"] = Field(
        default="json", description="how it is logged", examples=["json"]
    )
    secure_cookies: bool = Field(
        default=True, description="whether the session's cookie needs TLS", examples=["true"]
    )

    host: str = Field(
        default="0.0.0.0",  # noqa: S104 -- in a container
        description="the address to listen on",
        examples=["127.0.0.1"],
        validation_alias="HOST",
    )
    port: int = Field(
        default=8000,
        ge=1,
        le=65535,
        description="the port to listen on",
        examples=["8000"],
        validation_alias="PORT",
    )

    @property
    def path_style(self) -> bool:
        """Whether the bucket stands in the path of S3's URLs, as emulators want it; AWS has it in the host name."""
        return bool(self.endpoint or self.s3_endpoint)


S = TypeVar("S", bound=Settings)


def load(kind: type[S]) -> S:
    """The settings of a service. One that is missing or wrong ends the process: one line each, exit status 2."""
    try:
        return kind()
    except ValidationError as error:
        for line in explain(kind, error, os.environ):
            print(line, file=sys.stderr)  # noqa: T201 -- logging is not set up yet, and a person reads this
        raise SystemExit(2) from None


def explain(
    kind: type[Settings], error: ValidationError, environment: Mapping[str, str]
) -> list[str]:
    """A line for each setting that is missing or wrong: its name, what it is for, an example. Never a value."""
    lines: dict[str, str] = {}
    for problem in error.errors():
        field, name = _named(kind, str(problem["loc"][0]), environment)
        example = field.examples[0] if field.examples else ""
        what = f"is wrong ({problem['msg'].lower()})" if environment.get(name) else "is not set"
        lines.setdefault(
            name, f"{name} {what}: it is {field.description}. Example: {name}={example}"
        )
    return list(lines.values())


def _named(kind: type[Settings], location: str, environment: Mapping[str, str]) -> tuple[Any, str]:
    """The field that pydantic means by a location, and its variable: of several the one that is set."""
    for attribute, field in kind.model_fields.items():
        names = variables_of(attribute, field)
        if location in (attribute, *names):
            return field, next((name for name in names if environment.get(name)), names[0])
    raise KeyError(location)


def variables_of(attribute: str, field: FieldInfo) -> list[str]:
    """The environment variables that a field is read from, the first choice first."""
    alias = field.validation_alias
    return (
        [str(choice) for choice in alias.choices]
        if isinstance(alias, AliasChoices)
        else [str(alias or PREFIX + attribute.upper())]
    )
