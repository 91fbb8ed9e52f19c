"""Define the store of conversions."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from libs.core.domain.conversions import Conversion
from libs.core.domain.uploads import Upload


@dataclass(frozen=True)
class ConversionPage:
    """Hold one page of a listing. `next` is the cursor of the next page, None on the last."""

    items: Sequence[Conversion]
    next: str | None


class ConversionStore(ABC):
    """Store conversions by id.

    - An expired conversion, or one that cannot be read, counts as absent in every method.
    - If `owner` is given, another owner's conversion raises ConversionNotFound like an unknown id.
    - Every change is one conditional write that increments `version`.
    - All methods raise StorageUnavailable when the table does not answer.
    """

    @abstractmethod
    def create(self, conversion: Conversion, upload: Upload) -> Conversion:
        """Write a new conversion and add it to its upload, in one transaction.

        The stored phase is `queued` if the upload is `uploaded` and `waiting` if it is `uploading`;
        the phase of `conversion` is ignored. The upload's expiry is raised to the conversion's.
        If a conversion of this id exists, it is returned unchanged. Ids are random, or derived from
        the owner (`derived_id`), so the existing one is never another owner's.

        Raises:
            UploadNotFound: the upload is gone.
            UploadClosed: the upload failed.
            TooManyConversions: the upload has `MAX_CONVERSIONS`, with those that were removed.
        """

    @abstractmethod
    def get(self, conversion_id: str, owner: str | None = None) -> Conversion:
        """Return the conversion by a consistent read. Raises ConversionNotFound."""

    @abstractmethod
    def list(self, owner: str, limit: int, cursor: str | None = None) -> ConversionPage:
        """Return up to `limit` conversions of an owner, newest first. Raises CursorInvalid."""

    @abstractmethod
    def queue(self, conversion_id: str) -> None:
        """Change the phase from `waiting` to `queued`.

        A conversion in another phase, or an unknown id, is left unchanged without an error.
        """

    @abstractmethod
    def cancel(self, conversion_id: str, owner: str) -> Conversion:
        """Change the status to `cancelled` and the phase to `done`.

        A worker that runs the conversion gets LeaseLost at its next report. A conversion that is
        already cancelled is returned unchanged.

        Raises:
            ConversionFinished: it is completed or failed.
            ConversionNotFound: there is no such conversion.
        """

    @abstractmethod
    def remove(self, conversion_id: str, owner: str) -> Conversion:
        """Delete the item in any state and return its last state. Raises ConversionNotFound."""
