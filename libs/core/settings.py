"""Read settings from the environment, and stop if one is missing or invalid.

The message about a missing setting shows its `description` and the first of its `examples`. Secrets
have the type `SecretStr`, which prints no value. Credentials are not settings: botocore reads them
from the environment itself.

Endpoints are settings, so that they are validated, and because they decide how S3 is addressed
(`path_style`). botocore reads most of them from the environment, too. `wiring` passes on the two
others: that of DynamoDB Streams, and that of S3 for browsers.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "TINYPIXO_"
URL = r"^https?://[^/\s]+"

REQUESTS_PER_ADDRESS = 1_500
"""Requests of an address that are open at once. It is more than 16 that are handled, 1,000 that
wait, 256 bodies and 200 event streams together; the rest is for refusals. It is less than a sixth
of the 9,984 connections that a server has for everybody."""

Lifetime = Annotated[
    int,
    Field(
        default=24 * 3600,
        ge=60,
        description="the seconds for which an upload, and a conversion with its output, is kept; "
        "a later conversion of an upload keeps the upload as long",
        examples=["86400"],
    ),
]
"""Type of the setting `lifetime`, which the services for uploads and conversions have alike."""


class Settings(BaseSettings):
    """Hold the settings of all services."""

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
    origin_secret: SecretStr | None = Field(
        default=None,
        description="the value of X-Origin-Secret that requests must have, if CloudFront sends it",
        examples=["the output of: openssl rand -hex 32"],
        min_length=32,
    )
    origin_secret_accepted: SecretStr | None = Field(
        default=None,
        description="a second value of X-Origin-Secret, while secrets are replaced",
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
        description="the endpoint of an emulator, instead of AWS",
        examples=["http://localhost:4566"],
        validation_alias="AWS_ENDPOINT_URL",
        pattern=URL,
    )
    s3_endpoint: str | None = Field(
        default=None,
        description="the endpoint of S3, if it differs from AWS_ENDPOINT_URL",
        examples=["http://localhost:9000"],
        validation_alias="AWS_ENDPOINT_URL_S3",
        pattern=URL,
    )
    dynamodb_endpoint: str | None = Field(
        default=None,
        description="the endpoint of DynamoDB, if it differs from AWS_ENDPOINT_URL",
        examples=["http://localhost:8001"],
        validation_alias="AWS_ENDPOINT_URL_DYNAMODB",
        pattern=URL,
    )
    streams_endpoint: str | None = Field(
        default=None,
        description="the endpoint of DynamoDB Streams, if it differs from DynamoDB's",
        examples=["http://localhost:8001"],
        validation_alias=AliasChoices(
            "AWS_ENDPOINT_URL_DYNAMODB_STREAMS", "AWS_ENDPOINT_URL_DYNAMODB"
        ),
        pattern=URL,
    )
    sqs_endpoint: str | None = Field(
        default=None,
        description="the endpoint of SQS, if it differs from AWS_ENDPOINT_URL",
        examples=["http://localhost:9324"],
        validation_alias="AWS_ENDPOINT_URL_SQS",
        pattern=URL,
    )
    public_s3_endpoint: str | None = Field(
        default=None,
        description="the endpoint of S3 for browsers, if it differs from that of the services",
        examples=["http://localhost:4566"],
        pattern=URL,
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="the lowest level that is logged", examples=["info"]
    )
    log_format: Literal["json", "text"] = Field(
        default="json", description="the format of log lines", examples=["json"]
    )
    log_spans: bool = Field(
        default=False,
        description="the switch that logs each span of a trace, where there is no collector",
        examples=["false"],
    )
    origins: str = Field(
        default="",
        description="the list of origins of the page, separated by commas, if the services see "
        "another host than browsers do, for example behind CloudFront",
        examples=["https://audio.example.com"],
        pattern=r"^(https?://[^/\s,]+(\s*,\s*https?://[^/\s,]+)*)?$",
    )
    secure_cookies: bool = Field(
        default=True,
        description="the switch that sends the session cookie over HTTPS only",
        examples=["true"],
    )
    trusted_proxies: int = Field(
        default=0,
        ge=0,
        le=8,
        description="the number of our own proxies in front of the service; each appends the "
        "address that called it to X-Forwarded-For, and limits by client address need it",
        examples=["2"],
    )
    requests_per_address: int = Field(
        default=REQUESTS_PER_ADDRESS,
        ge=1,
        description="the number of requests that one client address may have open at one instance, "
        "whether they wait or are handled, and event streams among them",
        examples=["1500"],
    )

    otlp_endpoint: str | None = Field(
        default=None,
        description="the OpenTelemetry collector for traces and metrics, by OTLP over HTTP",
        examples=["http://localhost:4318"],
        validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        pattern=URL,
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

    @field_validator("origin_secret_accepted", mode="before")
    @classmethod
    def _read_none_as_no_origin_secret(cls, value: Any) -> Any:
        return _read_none(value)

    @property
    def page_origins(self) -> frozenset[str]:
        """Return `origins` as a set."""
        given = (origin.strip().lower() for origin in self.origins.split(","))
        return frozenset(origin for origin in given if origin)

    @property
    def origin_secrets(self) -> Sequence[str]:
        """Return the accepted values of X-Origin-Secret, none if all requests are accepted."""
        return _values(self.origin_secret, self.origin_secret_accepted)

    @property
    def path_style(self) -> bool:
        """Return True if S3 URLs have the bucket in the path, as emulators need it.

        On AWS the bucket is in the host name.
        """
        return bool(self.endpoint or self.s3_endpoint)


class VisitorSettings(Settings):
    """Hold what only services for visitors need.

    Who has the secret can act as any session, so a process that only runs
    conversions does not get it, nor does the janitor.
    """

    session_secret: SecretStr = Field(
        description="the secret that encrypts sessions, the same for all services for visitors",
        examples=["the output of: openssl rand -hex 32"],
        min_length=32,
    )
    session_secret_accepted: SecretStr | None = Field(
        default=None,
        description="a second secret whose sessions are accepted, while secrets are replaced",
        examples=["the output of: openssl rand -hex 32"],
        min_length=32,
    )

    @field_validator("session_secret_accepted", mode="before")
    @classmethod
    def _read_none_as_no_secret(cls, value: Any) -> Any:
        return _read_none(value)

    @property
    def session_secrets(self) -> Sequence[str]:
        """Return the secret that encrypts sessions, and then the other that is accepted."""
        return _values(self.session_secret, self.session_secret_accepted)


def _read_none(value: Any) -> Any:
    """Return None for the word `none`. A new installation has it in place of a second secret."""
    return None if value == "none" else value


def _values(*secrets: SecretStr | None) -> Sequence[str]:
    return [secret.get_secret_value() for secret in secrets if secret]


S = TypeVar("S", bound=Settings)


def load(kind: type[S]) -> S:
    """Return the settings of a service.

    If some are missing or invalid, print one line for each and exit with status 2.
    """
    try:
        return kind()
    except ValidationError as error:
        for line in describe_problems(kind, error, os.environ):
            print(line, file=sys.stderr)  # noqa: T201 -- logging is not set up yet
        raise SystemExit(2) from None


def describe_problems(
    kind: type[Settings], error: ValidationError, environment: Mapping[str, str]
) -> list[str]:
    """Return a line for each missing or invalid setting, with its purpose and an example.

    Lines never contain the value, which may be a secret.
    """
    lines: dict[str, str] = {}
    for problem in error.errors():
        field, name = _find_field(kind, str(problem["loc"][0]), environment)
        example = field.examples[0] if field.examples else ""
        is_set = bool(environment.get(name))
        what = f"is invalid ({problem['msg'].lower()})" if is_set else "is not set"
        lines.setdefault(
            name, f"{name} {what}: it is {field.description}. Example: {name}={example}"
        )
    return list(lines.values())


def _find_field(
    kind: type[Settings], location: str, environment: Mapping[str, str]
) -> tuple[Any, str]:
    """Return the field at pydantic's location and its variable, preferring one that is set."""
    for attribute, field in kind.model_fields.items():
        names = variables_of(attribute, field)
        if location in (attribute, *names):
            return field, next((name for name in names if environment.get(name)), names[0])
    raise KeyError(location)


def variables_of(attribute: str, field: FieldInfo) -> list[str]:
    """Return the environment variables that a field is read from, by preference."""
    alias = field.validation_alias
    return (
        [str(choice) for choice in alias.choices]
        if isinstance(alias, AliasChoices)
        else [str(alias or PREFIX + attribute.upper())]
    )
