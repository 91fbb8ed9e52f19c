"""Remember revoked sessions in memory."""

import time
from collections.abc import Callable

from libs.core.ports.revoked_sessions import RevokedSessions


class MemoryRevokedSessions(RevokedSessions):
    """Hold the ids of revoked sessions, and until when."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._until: dict[str, int] = {}

    def revoke(self, session_id: str, until: int) -> None:
        self._until[session_id] = until

    def is_revoked(self, session_id: str) -> bool:
        return self._until.get(session_id, 0) > self._clock()
