"""Make URLs that describe what they are for."""

from urllib.parse import quote, urlencode

from libs.core.ports.url_signer import PresignedForm, UrlSigner


class MemoryUrlSigner(UrlSigner):
    """URLs that say what they are for, under a host that does not exist."""

    def sign_part(
        self, key: str, multipart_id: str, number: int, size: int | None, lifetime: int
    ) -> str:
        length = {} if size is None else {"size": size}
        return _url(key, partNumber=number, uploadId=multipart_id, lifetime=lifetime, **length)

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
