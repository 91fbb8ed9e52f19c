"""Define a conversion: one upload converted to one format, by a worker that holds a lease."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from libs.core.domain.formats import ConversionOptions
from libs.core.domain.open_enum import OpenEnum
from libs.core.domain.uploads import Failure
from libs.core.errors import ConversionFinished


class ConversionStatus(OpenEnum):
    """List the states: `queued`, `converting`, then one of the others, which are terminal."""

    QUEUED = "queued"
    CONVERTING = "converting"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Return True if the status never changes again."""
        active = (ConversionStatus.QUEUED, ConversionStatus.CONVERTING)
        return self.is_known and self not in active


class Phase(OpenEnum):
    """List the steps in order.

    `waiting` (for the upload) and `queued` both have the status `queued`.
    """

    WAITING = "waiting"
    QUEUED = "queued"
    PROBING = "probing"
    CONVERTING = "converting"
    STORING = "storing"
    DONE = "done"

    @property
    def rank(self) -> int:
        """Return the position in the order of steps, -1 for a step that this version lacks."""
        return list(Phase).index(self) if self.is_known else -1


RUNNING = (Phase.PROBING, Phase.CONVERTING, Phase.STORING)
"""Phases in which a worker holds the conversion."""


class LossMeaning(OpenEnum):
    """List what the death of a worker says about a conversion that it was running.

    - `shared`: other conversions ran beside it, or could have, and one of them may be the cause.
      The lost conversion becomes suspect.
    - `alone`: no other conversion ran. The loss counts against the file, and the conversion becomes
      suspect if it is not yet.
    - `leaving`: the worker had been told to stop, or ended itself because of another conversion.
      The loss says nothing about the file.
    """

    SHARED = "shared"
    ALONE = "alone"
    LEAVING = "leaving"


@dataclass(frozen=True)
class Track:
    """Describe one audio track of a source; the sample rate is in hertz."""

    index: int
    """Position among the audio tracks of the file, from 0."""
    codec: str
    channels: int
    sample_rate: int
    default: bool
    """The track that is converted if the request chooses none."""
    language: str | None = None
    """Code of ISO 639, as the file states it."""
    title: str | None = None


@dataclass(frozen=True)
class Source:
    """Describe the uploaded file as probed: seconds, hertz, and bits per second."""

    codec: str
    container: str
    sample_rate: int
    channels: int
    bitrate: int
    duration: float | None = None
    """None if the file does not state it."""
    bit_depth: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    has_cover: bool = False
    tracks: tuple[Track, ...] = ()
    """All audio tracks; the other fields are those of the one that is converted."""


@dataclass(frozen=True)
class Output:
    """Describe the converted file. `size` is in bytes, `duration` in seconds, `sha256` in hex."""

    key: str
    filename: str
    size: int
    media_type: str
    duration: float
    sha256: str


@dataclass(frozen=True)
class ConversionWarning:
    """Tell the owner what a conversion could not keep, or what was wrong with the source.

    `code` and `reason` are stable and listed in docs/api.md; `detail` is a sentence. `reason` tells
    apart the meanings of a code that has several, and is None for its first one.
    """

    code: str
    detail: str
    reason: str | None = None


@dataclass(frozen=True)
class OutputUpload:
    """Identify the multipart upload of an output, so that the next attempt can resume it.

    `encoder_fingerprint` is a hash of FFmpeg's version, our code's digest, the format, the options
    and the part size. An attempt may reuse the parts only if its own fingerprint is equal: then its
    own parts would have the same bytes.
    """

    key: str
    multipart_id: str
    encoder_fingerprint: str


# `__slots__` halves the memory of one conversion, and the queue remembers thousands.
@dataclass(frozen=True, slots=True)
class Conversion:
    """Hold the state of one conversion. Times are in epoch seconds."""

    id: str
    owner: str
    upload_id: str
    format: str
    options: ConversionOptions
    filename: str
    """Name of the download, with the extension of the output format."""
    created_at: float
    updated_at: float
    expires_at: int
    status: ConversionStatus = ConversionStatus.QUEUED
    phase: Phase = Phase.WAITING
    percent: float = 0.0
    client: str | None = None
    """Keyed digest of the address that requested it. Its sessions share a turn in the queue."""
    speed: float | None = None
    """Seconds of audio converted per second."""
    eta_seconds: float | None = None
    source: Source | None = None
    output: Output | None = None
    warnings: tuple[str, ...] = ()
    warning_details: tuple[ConversionWarning, ...] = ()
    """The same with their codes; empty if an earlier version of the service wrote the item."""
    error: Failure | None = None
    attempts: int = 0
    """Number of claims. It is the fencing token of the current attempt."""
    unblamed_count: int = 0
    """Number of ended attempts that do not count against the file.

    These are the attempts that were released by their worker, that were lost with another loss
    meaning than `alone`, or that were excused because their worker turned out to be alive."""
    yielded: int = 0
    """Number of attempts that ended because their worker stopped or needed the slot.

    The worker released them for that reason, or died while their loss meaning was `leaving`.
    `unblamed_count` counts them, too."""
    blamed: frozenset[int] = frozenset()
    """Numbers of the lost attempts that count against the file.

    They were lost while their loss meaning was `alone`. The number of an attempt is the value of
    `attempts` while it ran. Numbers are kept, and not their count, so that each attempt is excused
    only once. `check_attempts` computes the count without this set, which earlier versions do not
    write."""
    suspect: bool = False
    """An attempt was lost, perhaps because of this file, so the next ones run alone."""
    loss_meaning: LossMeaning | None = None
    """The loss meaning of the running attempt. None if no attempt runs, or if a worker of an
    earlier version runs it."""
    worker: str | None = None
    """Name of the worker that runs it."""
    output_upload: OutputUpload | None = None
    started_at: float | None = None
    finished_at: float | None = None
    request_digest: str | None = None
    """Hash of the request that created the conversion. It tells whether a request with the same
    Idempotency-Key is that one, repeated."""
    version: int = 1
    """Number that each write of the item increments."""
    trace: str | None = field(default=None, compare=False)
    unsupported: tuple[str, ...] = ()
    """Names of the format, options or schema that this version of the service does not know.

    Such a conversion is left to workers that know them."""

    @property
    def must_run_alone(self) -> bool:
        """Return True if the next attempt must be the only one in its worker."""
        if self.status is ConversionStatus.CONVERTING:
            # Whoever claims a conversion that is converting takes it over, because its attempt was
            # lost. That loss makes the conversion suspect, unless its meaning is `leaving`.
            return self.suspect or self.loss_meaning is not LossMeaning.LEAVING
        return self.suspect


def changes_by_loss(conversion: Conversion) -> dict[str, Any]:
    """Return the fields that change because the running attempt was lost; none if none runs."""
    if conversion.status is not ConversionStatus.CONVERTING:
        return {}
    if conversion.loss_meaning is LossMeaning.ALONE:
        return {"suspect": True, "blamed": conversion.blamed | {conversion.attempts}}
    unblamed_count = conversion.unblamed_count + 1
    if conversion.loss_meaning is LossMeaning.LEAVING:
        return {"unblamed_count": unblamed_count, "yielded": conversion.yielded + 1}
    return {"unblamed_count": unblamed_count, "suspect": True}


def already_ended(status: str) -> ConversionFinished:
    """Return the error that refuses to cancel a conversion with this terminal status."""
    return ConversionFinished(f"This conversion has already ended ({status}).")


def output_prefix(conversion_id: str) -> str:
    """Return the key prefix of all objects of a conversion. The janitor deletes by it."""
    return f"outputs/{conversion_id}/"


def output_key(conversion_id: str, attempt: int, extension: str) -> str:
    """Return the key of the output that an attempt begins.

    No other attempt begins one under this key, so an attempt that lost its lease cannot overwrite a
    published output. An attempt that continues the multipart upload of an earlier one keeps the key
    of that upload. Such an upload can be completed only once.
    """
    return f"{output_prefix(conversion_id)}{attempt}.{extension}"
