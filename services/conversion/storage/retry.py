"""Repeat writes while the storage does not answer."""

from collections.abc import Callable
from typing import TypeVar

import stamina

from libs.core.errors import StorageUnavailable

T = TypeVar("T")

ATTEMPTS = 4
"""Tries of one write. What it stores took long to make, so it is worth more patience than a
request: with the waits between them, and botocore's own tries, about four seconds."""

_retrying = stamina.RetryingCaller(
    attempts=ATTEMPTS, timeout=None, wait_initial=0.5, wait_max=2.0, wait_jitter=0.25
).on(StorageUnavailable)


def retry_write(write: Callable[[], T]) -> T:
    """Call a repeatable write until the storage takes it.

    Raises StorageUnavailable after the last try.
    """
    return _retrying(write)
