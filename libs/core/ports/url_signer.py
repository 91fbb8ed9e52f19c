"""Define presigned URLs."""

from abc import ABC, abstractmethod


class UrlSigner(ABC):
    """Presigned URLs, as a browser can reach them. Making one asks nobody."""

    @abstractmethod
    def sign_part(self, key: str, multipart_id: str, number: int, size: int, lifetime: int) -> str:
        """A URL to PUT exactly `size` bytes to as part `number`, good for `lifetime` seconds."""

    @abstractmethod
    def sign_download(
        self, key: str, filename: str, media_type: str, lifetime: int, *, inline: bool = False
    ) -> str:
        """A URL to GET an object from for `lifetime` seconds, saved as `filename` or, inline, shown in place."""
