"""Define how a process asks its platform not to stop it while it works."""

from abc import ABC, abstractmethod


class TaskProtection(ABC):
    """Protect this process from being chosen when the platform scales in.

    Protection saves work that would be repeated; nothing relies on it.
    """

    @abstractmethod
    def protect(self, minutes: int) -> None:
        """Protect the process for this time from now on; a repeated call extends it.

        Raises StorageUnavailable if the platform does not answer or refuses.
        """

    @abstractmethod
    def release(self) -> None:
        """End the protection. Raises StorageUnavailable as `protect` does."""
