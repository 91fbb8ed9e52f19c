"""Define the leases under which workers run conversions."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from libs.core.domain.conversions import (
    Conversion,
    ConversionWarning,
    LossMeaning,
    Output,
    OutputUpload,
    Phase,
    Source,
)
from libs.core.domain.uploads import Failure


@dataclass(frozen=True)
class ProgressReport:
    """Hold a worker's report on a conversion. None keeps the value of the earlier report."""

    phase: Phase
    percent: float
    speed: float | None = None
    eta_seconds: float | None = None
    source: Source | None = None
    output_upload: OutputUpload | None = None
    warnings: tuple[str, ...] = field(default=())


class ConversionLeases(ABC):
    """Grant workers the exclusive right to run a conversion.

    A lease ends when its holder has not written the conversion for the length of the lease. Every
    write increments `version`, so observers notice this by their own monotonic clock, and clocks of
    two hosts are never compared. The fencing token is `attempts`: each claim gets a new number, and
    writes under an old one are refused.

    The `conversion` argument is what `claim` returned. Every method except `claim` and `excuse`
    raises LeaseLost if the conversion is no longer in that attempt, because it was cancelled,
    removed, finished or claimed by another worker, or because it has expired. LeaseLost is final
    for the attempt. A write that is repeated after a lost reply, by the adapter or by its caller,
    is applied once. All methods raise StorageUnavailable.
    """

    @abstractmethod
    def claim(
        self,
        conversion_id: str,
        worker: str,
        lease: float,
        takeover_version: int | None = None,
        *,
        alone: bool = False,
    ) -> Conversion | None:
        """Take a conversion for `lease` seconds: a queued one or a stalled one.

        The claim increments `attempts`, sets the status `converting` and the phase `probing`, and
        keeps `percent`. A takeover also records what the lost attempt says about the file, by its
        loss meaning: `alone` adds its number to `blamed` and sets `suspect`; `shared` increments
        `unblamed_count` and sets `suspect`, and so does a loss meaning that is missing or unknown;
        `leaving` increments `unblamed_count` and `yielded`.

        Args:
            conversion_id: The conversion to take.
            worker: The name of the process.
            lease: The length of the lease in seconds. It is stored as `lease_until` for workers of
                earlier versions; this version does not read it.
            takeover_version: If given, the conversion is also taken while it is `converting`, if it
                still has this version. The caller has seen the version unchanged for a lease.
            alone: True if nothing else runs in the worker, and nothing will start beside it until
                `set_loss_meaning` says otherwise.

        Returns:
            The claimed conversion, or None if it cannot be claimed: it is held by another worker,
            waits for its upload, is in a terminal state, is gone, is unsupported by this version of
            the service, or must run alone and `alone` is False.
        """

    @abstractmethod
    def set_loss_meaning(self, conversion: Conversion, loss_meaning: LossMeaning) -> None:
        """Store what the death of the worker would say about the conversion from now on."""

    @abstractmethod
    def report(self, conversion: Conversion, report: ProgressReport, lease: float) -> None:
        """Store progress and renew the lease for `lease` seconds, in one write.

        Neither phase nor percent goes back by a report. If the report is behind the stored values,
        those are kept, and the rest is stored. So a new attempt, for which `claim` has set the
        phase back, keeps the percent of the one before until it is further.
        """

    @abstractmethod
    def publish(
        self,
        conversion: Conversion,
        output: Output,
        warnings: Sequence[ConversionWarning],
        source: Source | None = None,
    ) -> Conversion:
        """Store the output and set the status `completed`, in one write.

        Call it after the object exists. Phase becomes `done` and percent 100. `source` is stored
        for conversions that finish before their first report.
        """

    @abstractmethod
    def fail(self, conversion: Conversion, error: Failure) -> Conversion:
        """Store the reason and set the status `failed` and the phase `done`."""

    @abstractmethod
    def release(self, conversion: Conversion, *, yielded: bool = False) -> None:
        """Return the conversion to the queue, end the lease, and increment `unblamed_count`.

        Pass `yielded=True` if the worker needs the slot or was told to stop. `Conversion.yielded`
        is incremented then, too.
        """

    @abstractmethod
    def excuse(self, conversion: Conversion) -> None:
        """Take back that an attempt counts against the file, because its worker is alive.

        The worker was frozen or cut off from the table, and another one took over. Removes the
        attempt's number from `blamed`, and increments `unblamed_count`. Does nothing if `blamed`
        lacks the number, or the conversion has ended.
        """
