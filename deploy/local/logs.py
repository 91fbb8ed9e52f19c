"""Keep log files of processes below a size, while the processes write to them."""

import os
import shutil
from pathlib import Path
from typing import BinaryIO

MAX_BYTES = 10 << 20
"""Size at which a log is moved away. One older file is kept, so a log takes twice as much."""


def open_log(path: Path) -> BinaryIO:
    """Open a log for a process. It appends, so that `rotate` can empty the file meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return open(path, "ab")


def rotate(path: Path, max_bytes: int = MAX_BYTES) -> None:
    """Copy a log to `<name>.1` and empty it, if it is larger than `max_bytes`.

    The file itself is not renamed, because its process would go on writing to it. Lines that are
    written between the two steps are lost.
    """
    if path.exists() and path.stat().st_size > max_bytes:
        shutil.copyfile(path, previous(path))
        os.truncate(path, 0)


def previous(path: Path) -> Path:
    """Return the path of the older log."""
    return path.with_name(path.name + ".1")
