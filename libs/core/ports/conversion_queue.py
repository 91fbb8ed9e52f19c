"""Define the queue of active conversions."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from libs.core.domain.conversions import Conversion, Phase


@dataclass(frozen=True)
class Backlog:
    """Count the conversions that wait for a worker, and those that run."""

    queued: int
    running: int
    longest_wait: float
    """Longest wait among the `BACKLOG_SAMPLE` oldest queued conversions, in seconds since their
    last write."""


BACKLOG_SAMPLE = 25
"""Queued conversions whose wait is measured. The longest wait is nearly always among the oldest."""

REREAD_DELAY_FACTOR = 5
"""After a reading that took t seconds, the next one waits for at least this many times t."""


class ConversionQueue(ABC):
    """List active conversions, oldest first.

    Conversions that cannot be read are passed over. Reads are eventually consistent. All methods
    raise StorageUnavailable.
    """

    @abstractmethod
    def position(self, conversion: Conversion) -> int:
        """Return the place of a queued conversion in the fair order, from 1.

        `fair_order` defines it. The answer may be a moment old.
        """

    @abstractmethod
    def positions(self, owner: str) -> Mapping[str, int]:
        """Return the place of each queued conversion of the owner, by its id.

        The answer may be a moment old, and lack conversions that were queued in this moment.
        """

    @abstractmethod
    def in_phase(self, *phases: Phase) -> Iterator[Conversion]:
        """Yield the conversions that are in one of these phases, oldest first.

        Conversions in a terminal state are never included.
        """

    @abstractmethod
    def forget(self, conversion_id: str) -> None:
        """Discard what is remembered of a conversion, so that the next `in_phase` reads it again.

        Call it when somebody is about to claim the conversion.
        """

    @abstractmethod
    def backlog(self) -> Backlog:
        """Return the size and age of the queue at this moment."""
