"""Define the store of uploads."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from libs.core.domain.conversions import Conversion
from libs.core.domain.uploads import Failure, Upload


@dataclass(frozen=True)
class UploadPage:
    """Hold one page of a listing. `next` is the cursor of the next page, None on the last."""

    items: Sequence[Upload]
    next: str | None


class IdTaken(ValueError):
    """Indicate that an upload or a conversion with one of these ids exists already."""


class UploadStore(ABC):
    """Store uploads by id.

    - An expired upload, or one that cannot be read, counts as absent in every method.
    - If `owner` is given, another owner's upload raises UploadNotFound like an unknown id.
    - Every change is one conditional write that increments `version`. Repeating a change that has
      taken effect is harmless.
    - All methods raise StorageUnavailable when the table does not answer.
    """

    @abstractmethod
    def create(self, upload: Upload, conversions: Sequence[Conversion]) -> None:
        """Write a new upload and the conversions that wait for it, in one transaction.

        Raises:
            IdTaken: one of the ids exists. Nothing is written.
        """

    @abstractmethod
    def get(self, upload_id: str, owner: str | None = None) -> Upload:
        """Return the upload by a consistent read. Raises UploadNotFound."""

    @abstractmethod
    def list(self, owner: str, limit: int, cursor: str | None = None) -> UploadPage:
        """Return up to `limit` uploads of an owner, newest first. Raises CursorInvalid."""

    @abstractmethod
    def add_parts(self, upload_id: str, *numbers: int) -> Upload:
        """Add parts to `completed_parts`. Concurrent calls keep each other's parts.

        Raises:
            UploadClosed: the upload is no longer `uploading`.
            UploadNotFound: there is no such upload.
        """

    @abstractmethod
    def set_parts(self, upload: Upload, parts: Collection[int]) -> Upload:
        """Replace `completed_parts`, unless the upload has changed since `upload` was read.

        Returns the stored upload in either case. Raises UploadNotFound.
        """

    @abstractmethod
    def set_counted_bytes(self, upload_id: str, size: int) -> Upload:
        """Raise `counted_bytes` to `size`.

        An upload that has as many already, or is in a terminal state, is returned unchanged. Raises
        UploadNotFound.
        """

    @abstractmethod
    def mark_uploaded(self, upload_id: str, size: int | None = None) -> Upload:
        """Change the status from `uploading` to `uploaded`, with all parts completed.

        `size` is stored if the size of the upload was unknown.

        An upload that is `uploaded` already is returned unchanged.

        Raises:
            UploadClosed: the upload failed.
            UploadNotFound: there is no such upload.
        """

    @abstractmethod
    def mark_failed(self, upload_id: str, error: Failure) -> Upload:
        """Change the status from `uploading` to `failed`.

        An upload in a terminal state is returned unchanged. Raises UploadNotFound.
        """

    @abstractmethod
    def remove(self, upload_id: str, owner: str) -> Upload:
        """Delete the item and return its last state.

        The REMOVE record on the stream makes the janitor delete its objects and conversions.
        Raises UploadNotFound.
        """
