"""Retry writes while the storage does not answer."""

import time
from collections.abc import Callable
from typing import TypeVar

from libs.core.errors import StorageUnavailable

T = TypeVar("T")

WRITE_PAUSES = (0.5, 1.0, 2.0)
"""Seconds between tries of a write: what it holds took long to make, so it is worth more patience than a request."""


def retry_write(write: Callable[[], T]) -> T:
    """A write that may be repeated, tried again while the storage does not answer. Raises StorageUnavailable at last."""
    for pause in WRITE_PAUSES:
        try:
            return write()
        except StorageUnavailable:
            time.sleep(pause)
    return write()
