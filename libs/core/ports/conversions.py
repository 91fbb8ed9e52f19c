"""The state of conversions: for whoever asks for them, and for the worker that holds the lease."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from libs.core.domain.conversions import Conversion
from libs.core.domain.uploads import Upload


@dataclass(frozen=True)
class ConversionPage:
    """A page of a listing; `next` is to be handed in for the following page, None on the last."""

    items: Sequence[Conversion]
    next: str | None


class ConversionStore(ABC):
    """Conversions by id. An expired item counts as absent everywhere.

    Every change is one conditional write that grows `version`. Somebody else's conversion raises ConversionNotFound
    just as an unknown one does. All raise StorageUnavailable when the table does not answer.
    """

    @abstractmethod
    def create(self, conversion: Conversion, upload: Upload) -> Conversion:
        """Writes a new conversion and adds it to its upload, both or neither, and keeps the upload at least as long as it.

        The phase written is `queued` where the upload has arrived and `waiting` where it has not, whatever `conversion`
        says. A conversion of this id that is there already is returned unchanged. Raises UploadNotFound, and UploadClosed
        where the upload failed or was aborted.
        """

    @abstractmethod
    def get(self, conversion_id: str, owner: str | None = None) -> Conversion:
        """The conversion as it is now (a consistent read). Raises ConversionNotFound."""

    @abstractmethod
    def list(self, owner: str, limit: int, cursor: str | None = None) -> ConversionPage:
        """Up to `limit` conversions of this owner, newest first. Raises CursorInvalid."""

    @abstractmethod
    def queue(self, conversion_id: str) -> None:
        """`waiting → queued`, which the stream tells the workers. In any other phase, or gone: nothing happens."""

    @abstractmethod
    def cancel(self, conversion_id: str, owner: str) -> Conversion:
        """`→ cancelled`, phase `done`; the worker, if there is one, finds its lease lost. One already cancelled is returned unchanged.

        Raises ConversionFinished when it is completed or failed, ConversionNotFound.
        """

    @abstractmethod
    def remove(self, conversion_id: str, owner: str) -> Conversion:
        """Takes the item away in whatever state and returns it as it last was. Raises ConversionNotFound."""
