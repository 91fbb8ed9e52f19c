"""The state of uploads."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from libs.core.domain.conversions import Conversion
from libs.core.domain.uploads import Failure, Upload


@dataclass(frozen=True)
class UploadPage:
    """A page of a listing; `next` is to be handed in for the following page, None on the last."""

    items: Sequence[Upload]
    next: str | None


class UploadStore(ABC):
    """Uploads by id. An expired item counts as absent everywhere.

    Every change is one conditional write that grows `version`; repeating a change that has taken effect does no harm.
    Where a method takes an `owner`, somebody else's upload raises UploadNotFound just as an unknown one does.
    All raise StorageUnavailable when the table does not answer.
    """

    @abstractmethod
    def create(self, upload: Upload, conversions: Sequence[Conversion]) -> None:
        """Writes a new upload together with the conversions that wait for it: all of them or none.

        Ids are drawn, so one that is taken is a fault of the caller: ValueError.
        """

    @abstractmethod
    def get(self, upload_id: str, owner: str | None = None) -> Upload:
        """The upload as it is now (a consistent read). Raises UploadNotFound."""

    @abstractmethod
    def list(self, owner: str, limit: int, cursor: str | None = None) -> UploadPage:
        """Up to `limit` uploads of this owner, newest first. Raises CursorInvalid."""

    @abstractmethod
    def add_part(self, upload_id: str, number: int) -> Upload:
        """Records that a part is complete, beside whatever is recorded at the same moment; twice is once.

        Raises UploadClosed when the upload is no longer `uploading`, UploadNotFound when it is gone.
        """

    @abstractmethod
    def set_parts(self, upload: Upload, parts: Collection[int]) -> Upload:
        """Sets the completed parts to what S3 says, provided that nobody changed the upload since `upload` was read.

        Returns the upload as it is afterwards: with another's change where there was one, which stands.
        """

    @abstractmethod
    def mark_uploaded(self, upload_id: str, size: int | None = None) -> Upload:
        """`uploading → uploaded`, with all parts complete, and `size` where it was not known; an upload that is `uploaded` already is returned unchanged.

        Raises UploadClosed when it failed or was aborted, UploadNotFound when it is gone.
        """

    @abstractmethod
    def mark_failed(self, upload_id: str, error: Failure) -> Upload:
        """`uploading → failed`; an upload that has ended already is returned unchanged. Raises UploadNotFound."""

    @abstractmethod
    def remove(self, upload_id: str, owner: str) -> Upload:
        """Takes the item away and returns it as it last was; its REMOVE record makes the janitor erase the rest. Raises UploadNotFound."""
