"""Define the queue of active conversions."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from libs.core.domain.conversions import Conversion, Phase


class ConversionQueue(ABC):
    """List active conversions, oldest first.

    Conversions that cannot be read are passed over. Reads are eventually consistent. All methods
    raise StorageUnavailable.
    """

    @abstractmethod
    def position(self, conversion: Conversion) -> int:
        """Return one more than the number of queued conversions that are older than this one."""

    @abstractmethod
    def in_phase(self, *phases: Phase) -> Iterator[Conversion]:
        """Yield the conversions that are in one of these phases, oldest first.

        Conversions in a terminal state are never included.
        """
