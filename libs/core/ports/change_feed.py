"""Define the feed of changes to the table."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from libs.core.domain.events import Change


class ChangeFeed(ABC):
    """Deliver the changes of all items: at least once, and in order for each item."""

    @abstractmethod
    def follow(self, stop: threading.Event) -> Iterator[Sequence[Change] | None]:
        """Yield batches of changes from now on, until `stop` is set.

        A batch may be empty, so that the caller regularly gets control. None means that changes may
        have been missed, because the stream was trimmed, throttled or unreachable: the caller must
        read the current state again. The feed then continues by itself. It raises nothing for
        faults of the stream.
        """
