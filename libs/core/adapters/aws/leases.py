"""ConversionLeases on the table: a lease by the clock, a fencing token by counting."""

from dataclasses import replace
from typing import Any

from boto3.dynamodb.conditions import Attr, ConditionBase

from libs.core.adapters.aws.conversions import ENDED
from libs.core.adapters.aws.dynamodb.codec import decode_conversion, fields_of, open_kind, to_plain
from libs.core.adapters.aws.dynamodb.table import Table
from libs.core.adapters.aws.dynamodb.updates import Conflict, RawItem, Update
from libs.core.domain.conversions import Conversion, ConversionStatus, Output, Phase, Source
from libs.core.domain.uploads import Failure
from libs.core.errors import LeaseLost
from libs.core.ports.leases import ConversionLeases, ProgressReport

PHASES = list(Phase)


class DynamoDbConversionLeases(ConversionLeases):
    """The condition of every write names the attempt: a zombie's attempt number is never the item's again."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def claim(self, conversion_id: str, worker: str, lease: float) -> Conversion | None:
        now = self._table.now()
        # Nobody has it.
        queued = Attr("status").eq(ConversionStatus.QUEUED) & Attr("phase").eq(Phase.QUEUED)
        # Somebody had it and has not been heard of for a whole lease.
        abandoned = Attr("status").eq(ConversionStatus.CONVERTING) & Attr("lease_until").lte(
            to_plain(now)
        )
        mine = {
            "status": ConversionStatus.CONVERTING,
            "phase": Phase.PROBING,
            "open_kind": open_kind(Phase.PROBING),
            "worker": worker,
            "lease_until": to_plain(now + lease),
            "updated_at": to_plain(now),
        }
        change = Update(
            (queued | abandoned) & self._table.live(),
            set=mine,
            add={"attempts": 1},
            if_absent={"started_at": to_plain(now)},
        )
        try:
            return decode_conversion(self._table.update(conversion_id, change))
        except Conflict:
            return None

    def report(self, conversion: Conversion, report: ProgressReport, lease: float) -> None:
        renewed = self._renewed(lease)
        told: dict[str, Any] = {"phase": report.phase, "percent": report.percent}
        optional = {
            "speed": report.speed,
            "eta_seconds": report.eta_seconds,
            "source": report.source and fields_of(report.source),
            "output_upload": report.output_upload and fields_of(report.output_upload),
            "warnings": list(report.warnings) or None,
        }
        told = to_plain({**told, **optional})
        forward = Attr("percent").lte(told["percent"]) & Attr("phase").is_in(
            PHASES[: PHASES.index(report.phase) + 1]
        )
        try:
            self._table.update(
                conversion.id, Update(self._mine(conversion) & forward, set=renewed | told)
            )
        except Conflict as conflict:
            standing = self._standing(conversion, ConversionStatus.CONVERTING, conflict)
            # Somewhere it is behind what was reached, as the attempt after a crash is: there, what was reached stands.
            phase = max(report.phase, standing.phase, key=PHASES.index)
            self.report(
                conversion,
                replace(report, phase=phase, percent=max(report.percent, standing.percent)),
                lease,
            )

    def publish(
        self,
        conversion: Conversion,
        output: Output,
        warnings: tuple[str, ...],
        source: Source | None = None,
    ) -> Conversion:
        done = {"percent": 100, "output": fields_of(output), "warnings": list(warnings)}
        if source:
            done["source"] = fields_of(source)
        return self._end(conversion, ConversionStatus.COMPLETED, done)

    def fail(self, conversion: Conversion, error: Failure) -> Conversion:
        return self._end(conversion, ConversionStatus.FAILED, {"error": fields_of(error)})

    def release(self, conversion: Conversion) -> None:
        queued = {
            "status": ConversionStatus.QUEUED,
            "phase": Phase.QUEUED,
            "open_kind": open_kind(Phase.QUEUED),
            "updated_at": to_plain(self._table.now()),
        }
        back = Update(
            self._mine(conversion),
            set=queued,
            add={"released": 1},
            remove=("lease_until", "worker", "eta_seconds"),
        )
        self._write(conversion, ConversionStatus.QUEUED, back)

    def _end(self, conversion: Conversion, status: ConversionStatus, more: RawItem) -> Conversion:
        now = to_plain(self._table.now())
        ended = {
            "status": status,
            "phase": Phase.DONE,
            "updated_at": now,
            "finished_at": now,
            **more,
        }
        return self._write(
            conversion, status, Update(self._mine(conversion), set=ended, remove=ENDED)
        )

    def _write(
        self, conversion: Conversion, status: ConversionStatus, change: Update
    ) -> Conversion:
        try:
            return decode_conversion(self._table.update(conversion.id, change))
        except Conflict as conflict:
            # Only this attempt can have brought it there: an earlier call did, whose reply was lost.
            return self._standing(conversion, status, conflict)

    def _standing(
        self, conversion: Conversion, status: ConversionStatus, conflict: Conflict
    ) -> Conversion:
        """What stood in the way of a write, where that is the same attempt in this status. Raises LeaseLost."""
        standing = decode_conversion(conflict.item) if conflict.item else None
        if (
            standing is None
            or standing.status is not status
            or standing.expires_at <= self._table.now()
        ):
            raise _lost() from conflict
        # Nobody has claimed it since; one that nobody holds any more has no worker.
        if standing.attempts != conversion.attempts or standing.worker not in (
            conversion.worker,
            None,
        ):
            raise _lost() from conflict
        return standing

    def _mine(self, conversion: Conversion) -> ConditionBase:
        running = Attr("status").eq(ConversionStatus.CONVERTING)
        my_attempt = Attr("attempts").eq(conversion.attempts) & Attr("worker").eq(conversion.worker)
        return running & my_attempt & self._table.live()

    def _renewed(self, lease: float) -> RawItem:
        now = self._table.now()
        return {"lease_until": to_plain(now + lease), "updated_at": to_plain(now)}


def _lost() -> LeaseLost:
    return LeaseLost("This conversion is no longer this worker's.")
