"""A conversion: one upload turned into one format, by a worker that holds a lease on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from libs.core.domain.formats import ConversionOptions
from libs.core.domain.uploads import Failure


class ConversionStatus(StrEnum):
    """`queued → converting → completed`, or `→ failed`, or `→ cancelled`; the last three are terminal."""

    QUEUED = "queued"
    CONVERTING = "converting"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        return self not in (ConversionStatus.QUEUED, ConversionStatus.CONVERTING)


class Phase(StrEnum):
    """Where a conversion stands; `waiting` (for its upload) and `queued` are both of status `queued`."""

    WAITING = "waiting"
    QUEUED = "queued"
    PROBING = "probing"
    CONVERTING = "converting"
    STORING = "storing"
    DONE = "done"


@dataclass(frozen=True)
class Source:
    """What the probe found in the upload. Durations in seconds, rates in hertz, bitrates in bit/s."""

    codec: str
    container: str
    duration: float
    sample_rate: int
    channels: int
    bitrate: int
    bit_depth: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    has_cover: bool = False


@dataclass(frozen=True)
class Output:
    """The finished file. `sha256` is of its bytes, in hex."""

    key: str
    filename: str
    size: int
    media_type: str
    duration: float
    sha256: str


@dataclass(frozen=True)
class OutputUpload:
    """The multipart upload that an attempt writes its output to, so that the next attempt can go on with it.

    `recipe` says what its bytes are made by (ffmpeg's version and arguments): only an attempt with the same
    recipe may take the parts over, since only then they are the same to the bit.
    """

    key: str
    multipart_id: str
    recipe: str


@dataclass(frozen=True)
class Conversion:
    """The state of one conversion, as the table holds it. Times in epoch seconds."""

    id: str
    owner: str
    upload_id: str
    format: str
    options: ConversionOptions
    filename: str
    """Of the download, with the new extension."""
    created_at: float
    updated_at: float
    expires_at: int
    status: ConversionStatus = ConversionStatus.QUEUED
    phase: Phase = Phase.WAITING
    percent: float = 0.0
    speed: float | None = None
    """Seconds of audio converted in one second."""
    eta_seconds: float | None = None
    source: Source | None = None
    output: Output | None = None
    warnings: tuple[str, ...] = ()
    error: Failure | None = None
    attempts: int = 0
    """How often a worker has claimed it; the number of the running attempt is its fencing token."""
    released: int = 0
    """How many of the attempts were handed back in order, and so do not count as lost."""
    worker: str | None = None
    lease_until: float | None = None
    output_upload: OutputUpload | None = None
    started_at: float | None = None
    finished_at: float | None = None
    fingerprint: str | None = None
    """Of the request, to tell a repeated one from another under the same Idempotency-Key."""
    version: int = 1
    trace: str | None = field(default=None, compare=False)


def output_prefix(conversion_id: str) -> str:
    """Under this prefix lies everything a conversion ever wrote; the janitor erases it as a whole."""
    return f"outputs/{conversion_id}/"


def output_key(conversion_id: str, attempt: int, extension: str) -> str:
    """Every attempt writes under a key of its own: a zombie can never overwrite what another published."""
    return f"{output_prefix(conversion_id)}{attempt}.{extension}"
