"""Retry writes while the storage does not answer."""

import time
from collections.abc import Callable
from typing import TypeVar

from libs.core.errors import StorageUnavailable

T = TypeVar("T")

WRITE_PAUSES = (0.5, 1.0, 2.0)
"""Delays before each retry of a write, in seconds.

The data took long to make, so a write is retried for longer than a request is.
"""


def retry_write(write: Callable[[], T]) -> T:
    """Call an idempotent write and retry it while the storage does not answer.

    Raises StorageUnavailable after the last retry.
    """
    for pause in WRITE_PAUSES:
        try:
            return write()
        except StorageUnavailable:
            time.sleep(pause)
    return write()
