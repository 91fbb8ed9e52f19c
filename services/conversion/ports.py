"""What the conversion service needs from a media engine."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from libs.core.domain.conversions import Source
from libs.core.domain.formats import ConversionOptions
from libs.core.domain.uploads import MIB
from libs.core.ports.multipart_uploads import Part

PART_SIZE = 8 * MIB
"""Bytes of each part of an output but the last: 10,000 parts make 78 GiB, and a few in flight are little memory."""


class MediaError(Exception):
    """A conversion that cannot succeed: `code` is one of `error.code` in API.md, `detail` a sentence for the person.

    `operator_detail` holds what ffmpeg said, for the log only.
    """

    def __init__(self, code: str, detail: str, operator_detail: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.operator_detail = operator_detail


class SourceBytes(ABC):
    """The upload's bytes, readable from anywhere."""

    size: int

    @abstractmethod
    def read(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` up to `end`, whole even if the store breaks off in the middle; raises StorageUnavailable after retries."""


class OutputSink(ABC):
    """Where the result goes, in parts, in any order. Calls may come from any thread."""

    @abstractmethod
    def stored_parts(self) -> Sequence[Part]:
        """The parts an earlier attempt with the same recipe left in S3 (ETag is the MD5 of the bytes); empty for a fresh output."""

    @abstractmethod
    def put_part(self, number: int, body: bytes | memoryview) -> Part:
        """Stores one part. All parts but the last have `PART_SIZE` bytes."""

    @abstractmethod
    def finish(self, parts: Sequence[Part], size: int) -> str:
        """Makes the object of the parts; returns its key. It exists, with `size` bytes, when this returns."""

    @abstractmethod
    def finish_small(self, body: bytes) -> str:
        """For a result of at most `PART_SIZE` bytes: one PUT, no multipart upload. Returns its key."""

    @abstractmethod
    def read_back(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` up to `end` of the object that `finish` made. Thread-safe.

        Asked for only where the hash could not be made while writing: the format's first bytes were known last and the output did not fit
        into memory. Raises StorageUnavailable after retries.
        """


@dataclass(frozen=True)
class EngineProgress:
    """How far the engine is: phase by the names of `Phase`, percent 0 to 100 of the whole conversion."""

    phase: str
    percent: float
    speed: float | None = None
    eta_seconds: float | None = None
    source: Source | None = None


@dataclass(frozen=True)
class ConversionResult:
    """What was made: verified by probing the output, not by ffmpeg's word. Bytes, seconds, hex."""

    key: str
    size: int
    duration: float
    sha256: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class ConversionJob:
    """One conversion to be made."""

    format: str
    options: ConversionOptions
    title: str
    """For logs: the conversion's id."""


class MediaEngine(ABC):
    """Makes one audio file of another, source to sink, nothing on disk."""

    @abstractmethod
    def recipe(self, job: ConversionJob) -> str:
        """A digest of all that the output's bytes depend on besides the source: ffmpeg's version, arguments, part size."""

    @abstractmethod
    def convert(
        self,
        job: ConversionJob,
        source: SourceBytes,
        sink: OutputSink,
        tick: Callable[[EngineProgress], None],
    ) -> ConversionResult:
        """Converts, calling `tick` from the calling thread several times a second, also while nothing moves.

        Whatever `tick` raises ends the conversion at once: children killed and reaped, descriptors closed, and it is raised on.
        Raises MediaError, StorageUnavailable.
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
]
