"""Make URLs that hold their purpose in the query string."""

from urllib.parse import quote, urlencode

from libs.core.domain.checksums import PartChecksum
from libs.core.ports.url_signer import PresignedForm, UrlSigner


class MemoryUrlSigner(UrlSigner):
    """Make URLs of a host that does not exist, with all arguments in the query string."""

    def __init__(self, max_lifetime: int | None = None) -> None:
        """Sign with credentials that are valid for `max_lifetime` seconds, None for any time."""
        self._max_lifetime = max_lifetime

    def limit_lifetime(self, lifetime: int) -> int:
        return lifetime if self._max_lifetime is None else min(lifetime, self._max_lifetime)

    def sign_part(
        self,
        key: str,
        multipart_id: str,
        number: int,
        size: int | None,
        lifetime: int,
        checksum: PartChecksum | None = None,
    ) -> str:
        more: dict[str, str | int] = {} if size is None else {"size": size}
        if checksum:
            more[checksum.header] = checksum.value
        return _url(key, partNumber=number, uploadId=multipart_id, lifetime=lifetime, **more)

    def sign_form(self, key: str, media_type: str, max_size: int, lifetime: int) -> PresignedForm:
        fields = {"key": key, "Content-Type": media_type, "policy": f"{max_size} {lifetime}"}
        return PresignedForm("https://memory.invalid/", fields)

    def sign_download(
        self, key: str, filename: str, media_type: str, lifetime: int, *, inline: bool = False
    ) -> str:
        disposition = "inline" if inline else "attachment"
        return _url(
            key,
            filename=filename,
            media_type=media_type,
            lifetime=lifetime,
            disposition=disposition,
        )


def _url(key: str, **query: str | int) -> str:
    return f"https://memory.invalid/{quote(key)}?{urlencode(query)}"
