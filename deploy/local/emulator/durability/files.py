"""Remember which files a request has written, and wait until they are on disk."""

import os
from collections.abc import Iterable
from contextvars import ContextVar
from pathlib import Path

FOLDERS = 3
"""Maximum number of new folders above a file."""

_written: ContextVar[list[Path] | None] = ContextVar("written_files", default=None)


def start_request() -> list[Path]:
    """Return a new list, which receives the files that the present request writes."""
    files: list[Path] = []
    _written.set(files)
    return files


def note_written(*paths: Path) -> None:
    """Note files that were written or renamed, and folders in which files were deleted."""
    files = _written.get()
    if files is not None:
        files.extend(paths)


def sync(paths: Iterable[Path]) -> None:
    """Wait until these files, and their entries in their folders, are on disk."""
    files = dict.fromkeys(paths)
    # A new file may be in new folders: that of the bucket, or of the first part of its key.
    folders = dict.fromkeys(folder for path in files for folder in path.parents[:FOLDERS])
    for path in [*files, *folders]:
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:  # a later request has deleted it
            continue
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
