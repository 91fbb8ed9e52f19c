"""Open shared libraries, and nothing else, for the dynamic loader of a sandboxed process."""

import contextlib
import errno
import os
import stat

from services.conversion.exhaustion import NO_DESCRIPTOR

OUR_LACK = (*NO_DESCRIPTOR, errno.ENOMEM)
"""Error codes that mean that this process lacks something, which says nothing about a file."""
_CACHE = b"/etc/ld.so.cache"
_ELF = b"\x7fELF"


def open_library(path: bytes, flags: int) -> int | None:
    """Open a file to read if it is an ELF file or the loader's cache of their names.

    Returns None if it does not exist, is another kind of file, or would be written to. Raises
    OSError if this process has no descriptor or no memory left.
    """
    if not path.startswith(b"/") or flags & (os.O_ACCMODE | os.O_CREAT | os.O_TRUNC):
        return None
    try:
        # Not waiting for a writer, if it is a named pipe.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in OUR_LACK:
            raise
        return None
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, fd)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return None
        if path != _CACHE and os.pread(fd, len(_ELF), 0) != _ELF:
            return None
        stack.pop_all()
    return fd
