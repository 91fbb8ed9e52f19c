"""Define leases on work that one process of many should do."""

from abc import ABC, abstractmethod


class NamedLeases(ABC):
    """Grant each name to one holder at a time.

    A lease avoids work that is done twice; it does not protect writes. The hosts' clocks are
    compared, so a holder whose clock is wrong may lose a lease early. All methods raise
    StorageUnavailable when the table does not answer.
    """

    @abstractmethod
    def acquire(self, name: str, holder: str, seconds: float) -> bool:
        """Return True if the holder has the lease for `seconds` from now on.

        The holder of a lease may call it again, to renew the lease or to shorten it. False means
        that another holder has it.
        """

    @abstractmethod
    def release(self, name: str, holder: str) -> None:
        """End the lease. Does nothing if the holder does not have it."""
