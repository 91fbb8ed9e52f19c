"""Describe what a slot is to run."""

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
    alone: bool = False
    owner: str | None = None
    was_handed_over: bool = False

    @classmethod
    def of(cls, chosen: Conversion) -> Self:
        """Return the task of a conversion that the queue offers."""
        running = chosen.status is ConversionStatus.CONVERTING
        version = chosen.version if running else None
        return cls(
            chosen.id, None, version, chosen.must_run_alone, chosen.owner, chosen.handed_over > 0
        )
