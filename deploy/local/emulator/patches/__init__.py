"""Patch MiniStack 1.5.33, with one module for each patch.

Each module says what MiniStack does and what would have to change upstream. A patch replaces whole
functions of MiniStack with functions of ours; none edits source text. The version is pinned by
hash. After an upgrade, `tests/deploy/emulator` shows which patches are still needed.
"""

from pathlib import Path

from deploy.local.emulator.durability.configuration import Configuration
from deploy.local.emulator.durability.messages import Messages
from deploy.local.emulator.durability.store import StateStore
from deploy.local.emulator.patches import (
    durable_state,
    multipart_completion,
    multipart_parts,
    native_checksums,
    object_reads,
    role_policies,
    synced_objects,
    ttl_stream_records,
)


def apply(
    folder: Path, store: StateStore, configuration: Configuration, messages: Messages
) -> None:
    """Apply all patches. Call it once, before MiniStack serves.

    Args:
        folder: The folder of the state, for parts of uploads and decisions of policies.
        store: The store of the items.
        configuration: The stored configuration.
        messages: The stored messages.
    """
    parts = multipart_parts.PartStore(folder / "parts")
    durable_state.apply(store, configuration, messages)
    synced_objects.apply()
    object_reads.apply()
    native_checksums.apply()
    multipart_parts.apply(parts)
    multipart_completion.apply(parts)
    ttl_stream_records.apply()
    role_policies.apply(folder / "decisions.jsonl")
