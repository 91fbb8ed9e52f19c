"""Count what visitors use, in fixed windows of time."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from libs.core.domain.quotas import Quota


class Quotas(ABC):
    """Hold counters by subject and window.

    A window begins at a multiple of its length since the epoch, and its counters begin at 0. All
    methods raise StorageUnavailable when the table does not answer.
    """

    @abstractmethod
    def take(self, subject: str, window: int, wanted: Sequence[Quota]) -> int:
        """Count all the wanted amounts, or none of them.

        Calls at the same time never count more than a limit together. A call whose answer is lost
        may be counted twice.

        Args:
            subject: Who uses it: any text. It is stored as a digest only.
            window: The length of the window in seconds.
            wanted: What is used, each resource once.

        Returns:
            0 if everything was counted. Otherwise one amount would have exceeded its limit, and the
            seconds until the window ends are returned, at least 1.
        """
