"""Define the media engine, and the source and sink passed to the engine."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from libs.core.domain.conversions import ConversionWarning, Source
from libs.core.domain.formats import ConversionOptions
from libs.core.domain.uploads import MIB, Failure
from libs.core.ports.multipart_uploads import Part

PART_SIZE = 8 * MIB
"""Bytes of each part of an output except the last: 10,000 parts are 78 GiB, and a few parts in
flight take little memory."""


class MediaError(Exception):
    """Indicate a conversion that cannot succeed.

    `failure` is what its owner is told, with a code of docs/api.md. `operator_detail` is what
    FFmpeg said; it goes to the log only.
    """

    def __init__(self, failure: Failure, operator_detail: str = "") -> None:
        super().__init__(f"{failure.code}: {failure.detail}")
        self.failure = failure
        self.code, self.detail = failure.code, failure.detail
        self.operator_detail = operator_detail


class SourceBytes(ABC):
    """Read the bytes of an upload, from any offset."""

    size: int

    @abstractmethod
    def read(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes from `start` up to `end`, all of them even if the storage breaks off.

        Raises StorageUnavailable after retries, ObjectMissing.
        """


class OutputSink(ABC):
    """Store an output, in parts and in any order. Its methods are thread-safe."""

    @abstractmethod
    def stored_parts(self) -> Sequence[Part]:
        """Return the parts that an earlier attempt with the same fingerprint left in S3.

        The ETag of a part is the MD5 of its bytes.
        """

    @abstractmethod
    def put_part(self, number: int, body: bytes | memoryview) -> Part:
        """Store one part. All parts except the last have `PART_SIZE` bytes."""

    @abstractmethod
    def finish(self, parts: Sequence[Part], size: int) -> str:
        """Make one object of the parts and return its key.

        The object exists and has `size` bytes when this returns.
        """

    @abstractmethod
    def finish_small(self, body: bytes) -> str:
        """Store an output of at most `PART_SIZE` bytes by one PUT, and return its key."""

    @abstractmethod
    def read_back(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes from `start` up to `end` of the object that `finish` made.

        Called only if the output could not be hashed while it was written: the format's first bytes
        were known last, and the output did not fit into memory. Raises StorageUnavailable after
        retries.
        """


@dataclass(frozen=True)
class EngineProgress:
    """Report how far a conversion is.

    `phase` is a value of `Phase`; `percent` goes from 0 to 100 over the whole conversion.
    """

    phase: str
    percent: float
    speed: float | None = None
    eta_seconds: float | None = None
    source: Source | None = None
    is_last_pass: bool = True
    """False if another pass follows, whose part of `eta_seconds` is a guess."""


@dataclass(frozen=True)
class ConversionResult:
    """Describe the stored output: size in bytes, duration in seconds, hash in hex."""

    key: str
    size: int
    duration: float
    sha256: str
    warning_details: tuple[ConversionWarning, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return the sentences of the warnings."""
        return tuple(warning.detail for warning in self.warning_details)


def never_paused() -> bool:
    """Return False: the conversion runs without pauses."""
    return False


@dataclass(frozen=True)
class ConversionJob:
    """Hold the output format, the options and the id of one conversion."""

    format: str
    options: ConversionOptions
    conversion_id: str
    """For logs."""
    is_paused: Callable[[], bool] = field(default=never_paused, compare=False)
    """Asked several times a second. While it returns True nothing is decoded or encoded, and
    progress is reported all the same."""


class MediaEngine(ABC):
    """Convert audio from a source to a sink, with nothing on a disk."""

    @abstractmethod
    def encoder_fingerprint(self, job: ConversionJob) -> str:
        """Return a digest of all that determines the output's bytes besides the source.

        `OutputUpload` in libs/core/domain/conversions.py says what it is used for.
        """

    @abstractmethod
    def convert(
        self,
        job: ConversionJob,
        source: SourceBytes,
        sink: OutputSink,
        on_progress: Callable[[EngineProgress], None],
    ) -> ConversionResult:
        """Convert a source, and report progress several times a second, also if nothing moves.

        `on_progress` is called in the calling thread. What it raises ends the conversion at once
        and is raised again: child processes are killed and reaped, descriptors closed.

        Raises:
            MediaError: The conversion cannot succeed.
            StorageUnavailable: The source or the sink failed after retries.
        """


__all__ = [
    "PART_SIZE",
    "ConversionJob",
    "ConversionResult",
    "EngineProgress",
    "MediaEngine",
    "MediaError",
    "OutputSink",
    "SourceBytes",
    "never_paused",
]
