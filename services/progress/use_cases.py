"""What people ask of this service at once; what they follow is in `stream`."""

from libs.core.domain.progress import Progress
from libs.core.ports.changes import ProgressReader


class ReadProgress:
    """How far one thing is. Raises UploadNotFound, ConversionNotFound, ThingNotFound, StorageUnavailable."""

    def __init__(self, reader: ProgressReader) -> None:
        self._reader = reader

    def __call__(self, owner: str, thing_id: str) -> Progress:
        return self._reader.get(thing_id, owner)
