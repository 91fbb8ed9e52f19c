"""Start uploads that arrive as one HTML form."""

from collections.abc import Sequence

from libs.core.domain.formats import ConversionRequest
from libs.core.ports.url_signer import PresignedForm, UrlSigner
from libs.core.rate_limiter import Usage
from services.upload.parts import url_lifetime
from services.upload.start_upload import NewUpload, StartUpload


class StartFormUpload:
    """Start an upload that arrives as one HTML form, posted straight to S3."""

    def __init__(
        self,
        start: StartUpload,
        signer: UrlSigner,
        max_size: int,
        lifetime: int,
    ) -> None:
        self._start = start
        self._signer = signer
        self._max_size = max_size
        self._lifetime = lifetime

    def __call__(
        self,
        owner: str,
        filename: str,
        content_type: str,
        convert: Sequence[ConversionRequest],
        trace: str | None = None,
        usage: Usage | None = None,
    ) -> tuple[PresignedForm, int]:
        """Return the form, and the seconds that it is valid for.

        Raises:
            FilenameInvalid: The name cannot be kept.
            RateLimited: The session or its address has used up a quota.
        """
        new = NewUpload(owner, filename, None, content_type, convert, trace, is_form=True)
        upload = self._start(new, usage)
        lifetime = url_lifetime(self._signer, upload, self._lifetime, upload.created_at)
        form = self._signer.sign_form(upload.key, content_type, self._max_size, lifetime)
        return form, lifetime
