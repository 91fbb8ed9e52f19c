"""Note the files of objects that a request writes or deletes, to wait for the disk.

MiniStack writes objects to files with `S3_PERSIST=1`, but does not wait until they are on disk. A
power cut would lose the last seconds.

Upstream would have to call `fsync` on the file and its folder before it answers.
"""

from pathlib import Path
from typing import Any

from ministack.services import s3

from deploy.local.emulator.durability import files


def apply() -> None:
    """Replace MiniStack's functions that write and delete the files of objects."""
    write, remove = s3._atomic_write, s3._remove_key_files

    def write_and_note(path: str, data: Any, *, text: bool = False) -> None:
        write(path, data, text=text)
        files.note_written(Path(path))

    def remove_and_note(path: str | None) -> None:
        remove(path)
        if path:
            files.note_written(Path(path))

    s3._atomic_write, s3._remove_key_files = write_and_note, remove_and_note
