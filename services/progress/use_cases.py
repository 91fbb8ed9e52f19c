"""What people ask of this service at once; what they follow is in `stream`."""

from libs.core.domain.progress import Progress
from libs.core.ports.progress_reader import ProgressReader


class ReadProgress:
    """How far one item is. Raises UploadNotFound, ConversionNotFound, ItemNotFound, StorageUnavailable."""

    def __init__(self, reader: ProgressReader) -> None:
        self._reader = reader

    def __call__(self, owner: str, item_id: str) -> Progress:
        return self._reader.get(item_id, owner)
