"""Patch MiniStack 1.5.33, with one module for each patch.

Each module says what MiniStack does and what would have to change upstream. A patch replaces whole
functions of MiniStack with functions of ours; none edits source text. The version is pinned by
hash, and `tests/deploy/test_emulator.py` shows which patches still hold when it changes.
"""

from pathlib import Path

from deploy.local.emulator.patches import (
    multipart_completion,
    multipart_parts,
    object_reads,
    ttl_stream_records,
)


def apply(parts_folder: Path) -> None:
    """Apply all patches. Call it once, before MiniStack serves.

    Args:
        parts_folder: The folder for the parts of open multipart uploads.
    """
    parts = multipart_parts.PartStore(parts_folder)
    object_reads.apply()
    multipart_parts.apply(parts)
    multipart_completion.apply(parts)
    ttl_stream_records.apply()
