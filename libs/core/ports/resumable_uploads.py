"""Define uploads that are written byte by byte from an offset, as tus clients do."""

from abc import ABC, abstractmethod
from collections.abc import Collection

from libs.core.domain.uploads import TusState, Upload


class ResumableUploads(ABC):
    """Hold the offset of uploads that one writer at a time appends to.

    A writer is fenced by a random token: whoever claims an upload last is its only writer, and
    every later write of an earlier one fails. Every change is one conditional write that increments
    `version`. All methods raise StorageUnavailable when the table does not answer.
    """

    @abstractmethod
    def claim(self, upload_id: str, owner: str, offset: int, writer: str) -> Upload:
        """Make `writer` the only one that may append, provided the upload stands at `offset`.

        The state becomes `claimed_state`: each writer gets a part number of its own.

        Raises:
            OffsetMismatch: The upload has another offset; nothing is changed.
            UploadClosed: The upload has ended.
            UploadNotFound: There is no such upload of this owner, or it is not a tus upload.
        """

    @abstractmethod
    def advance(
        self, upload_id: str, state: TusState, parts: Collection[int], size: int | None = None
    ) -> Upload:
        """Record a new state, the parts stored since the last one, and the size once it is known.

        Raises:
            UploadLocked: `state.writer` is no longer the writer of this upload.
            UploadClosed: The upload has ended.
            UploadNotFound: The upload is gone.
        """
