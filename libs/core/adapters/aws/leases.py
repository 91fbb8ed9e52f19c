"""Grant leases by conditional writes in DynamoDB."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from boto3.dynamodb.conditions import Attr, ConditionBase

from libs.core.adapters.aws.conversions import ACTIVE, ACTIVE_ATTRIBUTES
from libs.core.adapters.aws.dynamodb.attributes import log_once
from libs.core.adapters.aws.dynamodb.decoding import decode_conversion, decode_readable
from libs.core.adapters.aws.dynamodb.encoding import (
    LOSS_MEANING,
    UNBLAMED,
    YIELDED,
    encode_fields,
    encode_output_upload,
    open_kind,
    to_dynamodb,
)
from libs.core.adapters.aws.dynamodb.table import Table
from libs.core.adapters.aws.dynamodb.updates import ConditionFailed, RawItem, Update
from libs.core.adapters.aws.dynamodb.warnings import encode_warnings
from libs.core.domain.conversions import (
    Conversion,
    ConversionStatus,
    ConversionWarning,
    LossMeaning,
    Output,
    Phase,
    Source,
    changes_by_loss,
)
from libs.core.domain.uploads import Failure
from libs.core.errors import LeaseLost
from libs.core.ports.leases import ConversionLeases, ProgressReport

_ATTRIBUTES = {"unblamed_count": UNBLAMED, "yielded": YIELDED}
"""Attribute names of those fields of `changes_by_loss` that have another name in the table."""


class DynamoDbConversionLeases(ConversionLeases):
    """Make every write of an attempt conditional on the number of the attempt.

    Numbers are never reused, so a worker that lost its lease cannot write. A claim is conditional
    on what the worker saw: a queued conversion, or one whose version has not changed.
    """

    def __init__(self, table: Table) -> None:
        self._table = table.of_kind("conversion")

    def claim(
        self,
        conversion_id: str,
        worker: str,
        lease: float,
        takeover_version: int | None = None,
        *,
        alone: bool = False,
    ) -> Conversion | None:
        found = self._find_supported(conversion_id)
        if found is None or found.status.is_terminal or (found.must_run_alone and not alone):
            return None
        if found.status is ConversionStatus.CONVERTING and found.version != takeover_version:
            return None
        now = self._table.now()
        claimable: ConditionBase = Attr("status").eq(found.status)
        if found.status is ConversionStatus.CONVERTING:
            claimable = claimable & Attr("version").eq(found.version)
        else:
            claimable = claimable & Attr("phase").eq(Phase.QUEUED)
        if not alone:
            claimable = claimable & Attr("suspect").ne(True)
        loss_meaning = LossMeaning.ALONE if alone else LossMeaning.SHARED
        claimed = {
            **{
                _ATTRIBUTES.get(name, name): value for name, value in changes_by_loss(found).items()
            },
            "status": ConversionStatus.CONVERTING,
            "phase": Phase.PROBING,
            "open_kind": open_kind(Phase.PROBING),
            "worker": worker,
            LOSS_MEANING: _of_attempt(found.attempts + 1, loss_meaning),
            "lease_until": to_dynamodb(now + lease),  # read by earlier versions only
            "updated_at": to_dynamodb(now),
        }
        change = Update(
            claimable & self._table.live(),
            set=claimed,
            add={"attempts": 1},
            if_absent={"started_at": to_dynamodb(now)},
        )
        try:
            return decode_conversion(self._table.update(conversion_id, change))
        except ConditionFailed:
            return None

    def _find_supported(self, conversion_id: str) -> Conversion | None:
        """Return a conversion, None if it is absent or needs another version of the service."""
        found = _decode(self._table.get_live(conversion_id))
        if found and found.unsupported:
            log_once("conversion.unsupported", conversion_id, ", ".join(found.unsupported))
            return None
        return found

    def report(self, conversion: Conversion, report: ProgressReport, lease: float) -> None:
        renewed = self._renewed(lease)
        values = {
            "phase": report.phase,
            "percent": report.percent,
            "speed": report.speed,
            "eta_seconds": report.eta_seconds,
            "source": report.source and encode_fields(report.source),
            "output_upload": report.output_upload and encode_output_upload(report.output_upload),
            "warnings": list(report.warnings) or None,
        }
        reported: RawItem = to_dynamodb(values)
        ahead = [phase for phase in Phase if phase.rank > report.phase.rank]
        forward: ConditionBase = Attr("percent").lte(reported["percent"])
        if ahead:
            forward = forward & ~Attr("phase").is_in(ahead)
        try:
            self._table.update(
                conversion.id, Update(self._mine(conversion) & forward, set=renewed | reported)
            )
        except ConditionFailed as conflict:
            current = self._current(conversion, ConversionStatus.CONVERTING, conflict)
            # A report takes nothing back: while an attempt is behind the one before it, the stored
            # percent stays.
            phase = max(report.phase, current.phase, key=lambda phase: phase.rank)
            self.report(
                conversion,
                replace(report, phase=phase, percent=max(report.percent, current.percent)),
                lease,
            )

    def publish(
        self,
        conversion: Conversion,
        output: Output,
        warnings: Sequence[ConversionWarning],
        source: Source | None = None,
    ) -> Conversion:
        done = {
            "percent": 100,
            "output": encode_fields(output),
            **encode_warnings(warnings),
        }
        if source:
            done["source"] = encode_fields(source)
        return self._end(conversion, ConversionStatus.COMPLETED, done)

    def fail(self, conversion: Conversion, error: Failure) -> Conversion:
        return self._end(conversion, ConversionStatus.FAILED, {"error": encode_fields(error)})

    def set_loss_meaning(self, conversion: Conversion, loss_meaning: LossMeaning) -> None:
        changed = {
            LOSS_MEANING: _of_attempt(conversion.attempts, loss_meaning),
            "updated_at": to_dynamodb(self._table.now()),
        }
        self._write(
            conversion, ConversionStatus.CONVERTING, Update(self._mine(conversion), set=changed)
        )

    def release(self, conversion: Conversion, *, yielded: bool = False) -> None:
        queued = {
            "status": ConversionStatus.QUEUED,
            "phase": Phase.QUEUED,
            "open_kind": open_kind(Phase.QUEUED),
            "updated_at": to_dynamodb(self._table.now()),
        }
        back = Update(
            self._mine(conversion),
            set=queued,
            add={UNBLAMED: 1, YIELDED: int(yielded)},
            remove=("lease_until", "worker", LOSS_MEANING, "eta_seconds"),
        )
        self._write(conversion, ConversionStatus.QUEUED, back)

    def excuse(self, conversion: Conversion) -> None:
        is_blamed = Attr("blamed").contains(conversion.attempts)
        excused = Update(
            ACTIVE & is_blamed & self._table.live(),
            add={UNBLAMED: 1},
            discard={"blamed": {conversion.attempts}},
        )
        with suppress(ConditionFailed):
            self._table.update(conversion.id, excused)

    def _end(self, conversion: Conversion, status: ConversionStatus, more: RawItem) -> Conversion:
        now = to_dynamodb(self._table.now())
        ended = {
            "status": status,
            "phase": Phase.DONE,
            "updated_at": now,
            "finished_at": now,
            **more,
        }
        return self._write(
            conversion, status, Update(self._mine(conversion), set=ended, remove=ACTIVE_ATTRIBUTES)
        )

    def _write(
        self, conversion: Conversion, status: ConversionStatus, change: Update
    ) -> Conversion:
        try:
            return decode_conversion(self._table.update(conversion.id, change))
        except ConditionFailed as conflict:
            # If this attempt has the status already, an earlier call stored it, and its reply was
            # lost.
            return self._current(conversion, status, conflict)

    def _current(
        self, conversion: Conversion, status: ConversionStatus, conflict: ConditionFailed
    ) -> Conversion:
        """Return the stored conversion if it is in this attempt and status. Raises LeaseLost."""
        current = _decode(conflict.item)
        if (
            current is None
            or current.status is not status
            or current.expires_at <= self._table.now()
        ):
            raise _lost() from conflict
        # A terminal or released conversion has no worker.
        if current.attempts != conversion.attempts or current.worker not in (
            conversion.worker,
            None,
        ):
            raise _lost() from conflict
        return current

    def _mine(self, conversion: Conversion) -> ConditionBase:
        running = Attr("status").eq(ConversionStatus.CONVERTING)
        my_attempt = Attr("attempts").eq(conversion.attempts) & Attr("worker").eq(conversion.worker)
        return running & my_attempt & self._table.live()

    def _renewed(self, lease: float) -> RawItem:
        now = self._table.now()
        return {"lease_until": to_dynamodb(now + lease), "updated_at": to_dynamodb(now)}


def _decode(item: RawItem | None) -> Conversion | None:
    """Return the conversion of an item, None if it is absent or cannot be read."""
    return next(decode_readable(decode_conversion, [item] if item else []), None)


def _of_attempt(attempt: int, loss_meaning: LossMeaning) -> RawItem:
    """Return the attribute that stores a loss meaning together with its attempt.

    A worker of an earlier version of the service does not update the attribute when it claims the
    conversion. The attempt's number then shows that the loss meaning is outdated.
    """
    return {"attempt": attempt, "is": loss_meaning}


def _lost() -> LeaseLost:
    return LeaseLost("This worker no longer holds the conversion.")
