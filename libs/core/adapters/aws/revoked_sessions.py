"""Remember revoked sessions as items of the table, which expire by TTL.

Permissions: dynamodb:GetItem, PutItem on the table.
"""

import hashlib
import threading
import time
from collections.abc import Callable
from typing import Any

from libs.core.adapters.aws.errors import translate_errors
from libs.core.ports.revoked_sessions import PROPAGATION_SECONDS, RevokedSessions

PREFIX = "rev_"
"""Prefix of these items' keys. Uploads and conversions have other prefixes, so no stream record of
a revocation is taken for one of theirs."""

MAX_CACHED = 10_000
"""Sessions whose last answer is remembered."""


class DynamoDbRevokedSessions(RevokedSessions):
    """Hold one item for each revoked session.

    Every request asks. The answer "not revoked" is repeated for a few seconds without a read.
    """

    def __init__(
        self,
        client: Any,
        table: str,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._timer = timer
        self._lock = threading.Lock()
        self._asked: dict[str, float] = {}

    def revoke(self, session_id: str, until: int) -> None:
        with translate_errors("DynamoDB"):
            self._client.put_item(
                TableName=self._table, Item={"pk": _key(session_id), "expires_at": until}
            )
        with self._lock:
            self._asked.pop(session_id, None)

    def is_revoked(self, session_id: str) -> bool:
        asked = self._timer()
        with self._lock:
            if asked - self._asked.get(session_id, -PROPAGATION_SECONDS) < PROPAGATION_SECONDS:
                return False
        with translate_errors("DynamoDB"):
            item = self._client.get_item(
                TableName=self._table, Key={"pk": _key(session_id)}, ConsistentRead=True
            ).get("Item")
        if item is not None and item["expires_at"] > self._clock():
            return True
        with self._lock:
            if len(self._asked) >= MAX_CACHED:
                self._asked.clear()
            self._asked[session_id] = asked
        return False


def _key(session_id: str) -> str:
    # A digest, because this item is kept for up to a month. The items of the session's uploads and
    # conversions hold its id in clear, as `owner`, but only until they expire.
    return PREFIX + hashlib.sha256(session_id.encode()).hexdigest()
