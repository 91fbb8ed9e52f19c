"""Define the leases under which workers run conversions."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from libs.core.domain.conversions import Conversion, Output, OutputUpload, Phase, Source
from libs.core.domain.uploads import Failure


@dataclass(frozen=True)
class ProgressReport:
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
    def report(self, conversion: Conversion, report: ProgressReport, lease: float) -> None:
        """Writes progress and renews the lease for `lease` seconds, in one write.

        Percent and phase never run backwards, also not when a second attempt begins anew: where the report is behind
        what was reached, that stands, and the rest of the report is written.
        """

    @abstractmethod
    def publish(
        self,
        conversion: Conversion,
        output: Output,
        warnings: tuple[str, ...],
        source: Source | None = None,
    ) -> Conversion:
        """`→ completed`, phase `done`, 100 percent and the output, in one write, after the object exists.

        `source` is what it was made of, where no report has said so yet: a short conversion is over before its first report.
        """

    @abstractmethod
    def fail(self, conversion: Conversion, error: Failure) -> Conversion:
        """`→ failed`, phase `done`, with the reason."""

    @abstractmethod
    def release(self, conversion: Conversion) -> None:
        """`→ queued` again, without a lease, `released` grown by one: for a worker that is told to stop."""
