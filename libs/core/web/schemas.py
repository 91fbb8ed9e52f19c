"""Define the JSON documents that several services send or receive."""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

from libs.core.domain.formats import ConversionOptions, ConversionRequest
from libs.core.domain.options import check_request
from libs.core.domain.uploads import Failure

T = TypeVar("T")

Timestamp = Annotated[
    str, Meta(description="RFC 3339, in UTC", extra_json_schema={"extra": {"format": "date-time"}})
]
Percent = Annotated[float, Meta(ge=0, le=100)]


class Schema(Struct, kw_only=True):
    """Describe a JSON document that a service sends.

    A member that is `UNSET` is left out of the document. OpenAPI documents name a schema without
    its suffix: `UploadSchema` is `Upload` there.
    """

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        cls.__qualname__ = cls.__qualname__.removesuffix("Schema")


class FailureSchema(Schema):
    """Say why an upload or a conversion failed."""

    code: str
    detail: Annotated[str, Meta(description="a sentence for a person")]
    reason: (
        Annotated[str, Meta(description="stable; the meaning of a code that has several")]
        | UnsetType
    ) = UNSET

    @classmethod
    def of(cls, failure: Failure | None) -> "FailureSchema | UnsetType":
        """Return the document of a failure, UNSET without one."""
        if failure is None:
            return UNSET
        return cls(code=failure.code, reason=unless_none(failure.reason), detail=failure.detail)


class FieldErrorSchema(Schema):
    """Say what is wrong with one field of a request."""

    field: str
    message: str


class ProblemSchema(Schema):
    """Describe an error (RFC 9457). Members that only some codes have are optional."""

    type: str
    title: str
    status: int
    detail: Annotated[str, Meta(description="a sentence for a person; it may change")]
    code: Annotated[str, Meta(description="stable, for programs")]
    errors: list[FieldErrorSchema] | UnsetType = UNSET
    retry_after: Annotated[float, Meta(description="seconds")] | UnsetType = UNSET
    missing_parts: list[int] | UnsetType = UNSET
    limit: Annotated[int, Meta(description="bytes")] | UnsetType = UNSET
    expected: Annotated[int, Meta(description="bytes")] | UnsetType = UNSET
    part_count: int | UnsetType = UNSET
    option: str | UnsetType = UNSET
    unreachable: dict[str, str] | UnsetType = UNSET


class HealthSchema(Schema):
    """Say that a process runs, or that it can reach what it needs."""

    status: str
    checked: list[str] | UnsetType = UNSET
    clock_skew_seconds: float | UnsetType = UNSET
    """Seconds by which the host's clock is behind AWS's; left out up to a minute."""


class SessionSchema(Schema):
    """Give a client without cookies the token of a new session."""

    token: str
    expires_at: Timestamp


class ConversionRequestSchema(Schema, forbid_unknown_fields=True, kw_only=True):
    """Describe a requested conversion, without the id of the upload to convert."""

    format: str
    bitrate: str | None = None
    quality: int | None = None
    sample_rate: int | None = None
    channels: int | None = None
    bit_depth: int | None = None
    start: Annotated[float, Meta(ge=0)] | None = None
    end: Annotated[float, Meta(gt=0)] | None = None
    normalize: float | None = None
    fade_in: float | None = None
    fade_out: float | None = None
    track: int | None = None
    keep_delay: bool | None = None
    filename: str | None = None

    def checked(self) -> ConversionRequest:
        """Return the request if the format takes all of its options.

        Raises:
            FormatUnsupported: The format does not exist.
            OptionInvalid: The format does not take an option or its value.
        """
        options = ConversionOptions(
            **{option.name: getattr(self, option.name) for option in fields(ConversionOptions)}
        )
        return check_request(ConversionRequest(self.format, options, self.filename))


def unless_none(value: T | None) -> T | UnsetType:
    """Return the value, or UNSET for None: the contract leaves out what is not known."""
    return UNSET if value is None else value


def rfc3339(epoch: float) -> str:
    """Format epoch seconds as a time in UTC, to the millisecond."""
    return (
        datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
