"""Define the queue of conversions that are under way."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from libs.core.domain.conversions import Conversion, Phase


class ConversionQueue(ABC):
    """The conversions that are under way, oldest first. Read from an index: a moment behind the items."""

    @abstractmethod
    def position(self, conversion: Conversion) -> int:
        """How many queued conversions would start before this one, plus one."""

    @abstractmethod
    def in_phase(self, *phases: Phase) -> Iterator[Conversion]:
        """The conversions now in one of these phases, oldest first over all of them. Those that have ended are in none."""
