"""Answer polls. `open_stream.py` opens event streams."""

from libs.core.domain.progress import Progress
from libs.core.ports.progress_reader import ProgressReader


class ReadProgress:
    """Read the progress of one item.

    Raises:
        UploadNotFound: No upload of this owner has the id.
        ConversionNotFound: No conversion of this owner has the id.
        ItemNotFound: The id is of neither kind.
        StorageUnavailable: The table does not answer.
    """

    def __init__(self, reader: ProgressReader) -> None:
        self._reader = reader

    def __call__(self, owner: str, item_id: str) -> Progress:
        return self._reader.get(item_id, owner)
