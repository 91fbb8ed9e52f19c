"""Remember sessions that were ended before their tokens expire."""

from abc import ABC, abstractmethod


class RevokedSessions(ABC):
    """Remember revoked sessions until their last token has expired.

    All methods raise StorageUnavailable when the table does not answer.
    """

    @abstractmethod
    def revoke(self, session_id: str, until: int) -> None:
        """Revoke a session; a repeated call changes nothing.

        Args:
            session_id: The session's id, as its tokens contain it.
            until: Epoch seconds by which its last token has expired.
        """

    @abstractmethod
    def is_revoked(self, session_id: str) -> bool:
        """Return True if the session was revoked.

        A revocation by another process may take `PROPAGATION_SECONDS` to be seen.
        """


PROPAGATION_SECONDS = 10.0
"""Seconds for which an adapter may repeat the answer that a session is not revoked."""
