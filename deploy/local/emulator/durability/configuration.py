"""Store the configuration of MiniStack's services: all state but items and messages."""

import json
from typing import Any

from ministack import app as ministack
from ministack.core import persistence, responses
from ministack.services import cloudformation, dynamodb

from deploy.local.emulator.durability.store import StateStore

KIND = "configuration"

SERVICES = ("s3", "dynamodb", "sqs", "sns", "cloudformation", "iam", "pipes")
"""The services that the stack uses."""

STATE_AFTER_INTERRUPTION = {
    "CREATE": "ROLLBACK_COMPLETE",
    "ROLLBACK": "ROLLBACK_COMPLETE",
    "REVIEW": "ROLLBACK_COMPLETE",
    "IMPORT": "ROLLBACK_COMPLETE",
    "DELETE": "DELETE_FAILED",
    "UPDATE": "UPDATE_ROLLBACK_COMPLETE",
}
"""The state of a CloudFormation stack whose operation ended with the process."""


class Configuration:
    """Save the configuration when it may have changed."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._saved: dict[str, str] = {}
        self._may_have_changed = True

    def load(self) -> dict[str, Any]:
        """Return the stored state of each service."""
        self._saved = self._store.load(KIND)
        return {
            service: json.loads(text, object_hook=persistence._json_object_hook)
            for service, text in self._saved.items()
        }

    def mark_changed(self) -> None:
        """Have the next `save` look for changes."""
        self._may_have_changed = True

    def save(self) -> None:
        """Queue what has changed. All of it is stored by one commit."""
        if not self._may_have_changed:
            return
        # CloudFormation goes on in the background after its request.
        self._may_have_changed = _is_deploying()
        states = ministack._build_persistence_save_dict()
        for service in SERVICES:
            if service in states:
                text = json.dumps(states[service](), default=persistence._json_default)
                if text != self._saved.get(service):
                    self._saved[service] = text
                    self._store.put(KIND, service, text)


def settle_stacks() -> None:
    """Give interrupted stacks a state from which they can be deployed again."""
    for stack in cloudformation._stacks.all_values():
        operation, _, progress = stack["StackStatus"].partition("_")
        if progress.endswith("IN_PROGRESS"):
            stack["StackStatus"] = STATE_AFTER_INTERRUPTION[operation]


def restart_streams(now: float) -> None:
    """Make the positions of the tables' streams begin after those of the last run.

    A position counts the records since the stream began, and the records are not stored. Without
    this, a reader with a position of the last run would wait until as many records are there again.
    """
    for (account, region, name), table in dynamodb._tables.all_items():
        if (table.get("StreamSpecification") or {}).get("StreamEnabled"):
            dynamodb._stream_trimmed.set_scoped(account, region, name, int(now * 1000))


def without(tables: Any, *names: str) -> Any:
    """Return a copy of a scoped dictionary of dictionaries, without some of their entries."""
    copied = responses.AccountRegionScopedDict()
    for (account, region, key), value in tables.all_items():
        kept = {name: entry for name, entry in value.items() if name not in names}
        copied.set_scoped(account, region, key, kept)
    return copied


def _is_deploying() -> bool:
    stacks = cloudformation._stacks.all_values()
    return any(stack["StackStatus"].endswith("_IN_PROGRESS") for stack in stacks)
