"""Freeze processes by SIGSTOP, so that none stays frozen when the tests are killed.

The kernel sends SIGTERM to a process when its parent ends, but a frozen one does not get it.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Freeze a process during the `with` block.

    A guard thaws it at the end of the block, or when this process ends in any way.
    """
    command = ["sh", "-c", f"read _; kill -CONT {pid}"]
    guard = subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        guard.communicate()  # the end of its input is its sign
