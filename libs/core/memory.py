"""Keep the memory of a long-lived process near what it uses."""

import ctypes
from contextlib import suppress

M_MMAP_THRESHOLD = -3
"""glibc's number of the parameter."""

OWN_MAPPING = 128 * 1024
"""Bytes from which on a buffer gets a mapping of its own: what glibc begins with."""


def return_freed_buffers() -> None:
    """Return the memory of each large buffer to the system as soon as it is freed.

    glibc raises the threshold up to 32 MiB when a larger buffer is freed. Later parts of 5 MiB then
    come from the heap, and holes between them stay in the process: a conversion service took 15 to
    20 MiB more. A threshold that a program sets is never raised (mallopt(3)). Other C libraries
    have no such threshold.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, OWN_MAPPING)
