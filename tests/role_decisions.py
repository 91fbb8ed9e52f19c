"""Read what the emulator allowed and denied to the roles of a stack."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from deploy.local.stack import EmbeddedStack

PROBES = {"dynamodb:GetItem", "s3:ListBucket", "sqs:GetQueueAttributes"}
"""Actions of readiness checks. One that is refused counts as ready, so they need no permission."""


class Decision(NamedTuple):
    """Hold one action of a user, with one of its resources."""

    user: str
    action: str
    allowed: bool
    resource: str


def decisions(stack: EmbeddedStack) -> Sequence[Decision]:
    """Return each action that a user was allowed or denied, once."""
    if not stack.decisions.exists():
        return []
    lines = stack.decisions.read_text("utf-8").splitlines()
    return [Decision(**json.loads(line)) for line in lines]


def unexpected_denials(stack: EmbeddedStack) -> Sequence[Decision]:
    """Return what a role lacks: the denials, without those of readiness checks."""
    return [each for each in decisions(stack) if not each.allowed and each.action not in PROBES]
