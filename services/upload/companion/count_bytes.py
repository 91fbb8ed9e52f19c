"""Count the bytes of uploads whose size nobody declared."""

from libs.core.domain.uploads import Upload
from libs.core.ports.uploads import UploadStore
from libs.core.rate_limiter import Usage


class CountBytes:
    """Count each byte of an upload once, however often a request is repeated."""

    def __init__(self, uploads: UploadStore) -> None:
        self._uploads = uploads

    def __call__(self, upload: Upload, size: int, usage: Usage | None) -> None:
        """Count up to `size` bytes, less those that the upload has counted already.

        Raises:
            RateLimited: The session or its address has used up a quota.
        """
        growth = size - upload.counted_bytes
        if usage is None or growth <= 0:
            return
        usage.take(size=growth)
        self._uploads.set_counted_bytes(upload.id, size)
