"""Describe what a slot is to run."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

from libs.core.domain.conversions import Conversion, ConversionStatus
from libs.core.ports.inbox import Message


@dataclass(frozen=True)
class Task:
    """Hold what a slot is to run. `takeover_version` is None for a queued conversion."""

    conversion_id: str
    message: Message | None = None
    takeover_version: int | None = None
    must_run_alone: bool = False
    has_yielded: bool = False
    was_paused: bool = False

    @classmethod
    def of(cls, chosen: Conversion, paused: Collection[str] = ()) -> Self:
        """Return the task of a conversion that the queue offers.

        `paused` holds the ids of the conversions that this worker has claimed and paused.
        """
        running = chosen.status is ConversionStatus.CONVERTING
        version = chosen.version if running else None
        return cls(
            chosen.id,
            takeover_version=version,
            must_run_alone=chosen.must_run_alone,
            has_yielded=chosen.yielded > 0,
            was_paused=chosen.id in paused,
        )
