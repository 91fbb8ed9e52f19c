"""Define presigned URLs."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from libs.core.domain.checksums import PartChecksum


@dataclass(frozen=True)
class PresignedForm:
    """Hold the URL and the hidden fields of an HTML form that uploads one file."""

    url: str
    fields: Mapping[str, str]


class UrlSigner(ABC):
    """Sign URLs that a browser can use. Signing is local: it makes no request.

    A URL is valid for `lifetime` seconds, but no longer than the credentials that sign it.
    """

    @abstractmethod
    def limit_lifetime(self, lifetime: int) -> int:
        """Return the seconds for which a URL that is signed now with this lifetime is valid.

        Promise this time to clients, not the one that was asked for.
        """

    @abstractmethod
    def sign_part(
        self,
        key: str,
        multipart_id: str,
        number: int,
        size: int | None,
        lifetime: int,
        checksum: PartChecksum | None = None,
    ) -> str:
        """Return a URL to PUT part `number` to, valid for `lifetime` seconds.

        S3 refuses a part of another length than `size` (bytes); None allows any. With a `checksum`
        the request must send it in its header, and S3 refuses other bytes.
        """

    @abstractmethod
    def sign_form(self, key: str, media_type: str, max_size: int, lifetime: int) -> PresignedForm:
        """Return a form to POST 1 to `max_size` bytes with, valid for `lifetime` seconds."""

    @abstractmethod
    def sign_download(
        self, key: str, filename: str, media_type: str, lifetime: int, *, inline: bool = False
    ) -> str:
        """Return a URL to GET an object for `lifetime` seconds.

        Browsers save the file as `filename`, or show it in place if `inline`.
        """
