"""The state of conversions: for whoever asks for them, and for the worker that holds the lease."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from libs.core.domain.conversions import Conversion, Output, OutputUpload, Phase, Source
from libs.core.domain.uploads import Failure, Upload


@dataclass(frozen=True)
class ConversionPage:
    """A page of a listing; `next` is to be handed in for the following page, None on the last."""

    items: Sequence[Conversion]
    next: str | None


class ConversionStore(ABC):
    """Conversions by id. An expired item counts as absent everywhere.

    Every change is one conditional write that grows `version`. Somebody else's conversion raises ConversionNotFound
    just as an unknown one does. All raise StorageUnavailable when the table does not answer.
    """

    @abstractmethod
    def create(self, conversion: Conversion, upload: Upload) -> Conversion:
        """Writes a new conversion and adds it to its upload, both or neither, and keeps the upload at least as long as it.

        The phase written is `queued` where the upload has arrived and `waiting` where it has not, whatever `conversion`
        says. A conversion of this id that is there already is returned unchanged. Raises UploadNotFound, and UploadClosed
        where the upload failed or was aborted.
        """

    @abstractmethod
    def get(self, conversion_id: str, owner: str | None = None) -> Conversion:
        """The conversion as it is now (a consistent read). Raises ConversionNotFound."""

    @abstractmethod
    def list(self, owner: str, limit: int, cursor: str | None = None) -> ConversionPage:
        """Up to `limit` conversions of this owner, newest first. Raises CursorInvalid."""

    @abstractmethod
    def queue(self, conversion_id: str) -> None:
        """`waiting → queued`, which the stream tells the workers. In any other phase, or gone: nothing happens."""

    @abstractmethod
    def cancel(self, conversion_id: str, owner: str) -> Conversion:
        """`→ cancelled`, phase `done`; the worker, if there is one, finds its lease lost. One already cancelled is returned unchanged.

        Raises ConversionFinished when it is completed or failed, ConversionNotFound.
        """

    @abstractmethod
    def remove(self, conversion_id: str, owner: str) -> Conversion:
        """Takes the item away in whatever state and returns it as it last was. Raises ConversionNotFound."""


class Queue(ABC):
    """The conversions that are under way, oldest first. Read from an index: a moment behind the items."""

    @abstractmethod
    def position(self, conversion: Conversion) -> int:
        """How many queued conversions would start before this one, plus one."""

    @abstractmethod
    def in_phase(self, *phases: Phase) -> Iterator[Conversion]:
        """The conversions now in one of these phases, oldest first over all of them. Those that have ended are in none."""


@dataclass(frozen=True)
class Report:
    """What a worker says about a running conversion; None leaves what was said before."""

    phase: Phase
    percent: float
    speed: float | None = None
    eta_seconds: float | None = None
    source: Source | None = None
    output_upload: OutputUpload | None = None
    warnings: tuple[str, ...] = field(default=())


class ConversionLeases(ABC):
    """A worker's right to a conversion: a lease that ends by itself, and a fencing token (`attempts`) that never comes again.

    `conversion` is what `claim` returned. Every method but `claim` raises LeaseLost when the conversion is no longer
    that attempt's: cancelled, removed, expired, finished, or claimed by another. LeaseLost is final for the attempt.
    A write whose reply was lost and that is repeated, by the adapter or by its caller, counts as one.
    """

    @abstractmethod
    def claim(self, conversion_id: str, worker: str, lease: float) -> Conversion | None:
        """Takes a conversion that is `queued`, or `converting` under a lease that has ended, for `lease` seconds.

        Grows `attempts` by one; status becomes `converting`, phase `probing`, percent stays. None when it is another's,
        is waiting, has ended, or is gone.
        """

    @abstractmethod
    def report(self, conversion: Conversion, report: Report, lease: float) -> None:
        """Writes progress and renews the lease for `lease` seconds, in one write.

        Percent and phase never run backwards, also not when a second attempt begins anew: where the report is behind
        what was reached, that stands, and the rest of the report is written.
        """

    @abstractmethod
    def publish(self, conversion: Conversion, output: Output, warnings: tuple[str, ...], source: Source | None = None) -> Conversion:
        """`→ completed`, phase `done`, 100 percent and the output, in one write, after the object exists.

        `source` is what it was made of, where no report has said so yet: a short conversion is over before its first report.
        """

    @abstractmethod
    def fail(self, conversion: Conversion, error: Failure) -> Conversion:
        """`→ failed`, phase `done`, with the reason."""

    @abstractmethod
    def release(self, conversion: Conversion) -> None:
        """`→ queued` again, without a lease, `released` grown by one: for a worker that is told to stop."""
