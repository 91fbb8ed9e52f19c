"""Recognise errors that mean that this machine has no descriptor, process or thread left.

A lack of memory is not one of them. It is often the conversion's own doing, and would come again.
"""

import errno

NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE)
"""Error codes that mean that no further descriptor may be opened."""
_NO_PROCESS = errno.EAGAIN
"""The error code that means that no further process may be started."""
_NO_THREAD = "can't start new thread"
"""What Python says if no further thread may be started."""


def is_of_exhaustion(error: BaseException | None) -> bool:
    """Return True if the lack of a resource is this error, or the cause of it."""
    if isinstance(error, OSError) and error.errno in (*NO_DESCRIPTOR, _NO_PROCESS):
        return True
    if isinstance(error, RuntimeError) and str(error) == _NO_THREAD:
        return True
    return error is not None and is_of_exhaustion(error.__cause__)
