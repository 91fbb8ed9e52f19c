"""Join partial tus uploads into one (the concatenation extension)."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain

from libs.core.domain.uploads import TusState, Upload, UploadStatus
from libs.core.errors import CoreError, TusRequestInvalid, UploadIncomplete, UploadNotFound
from libs.core.ports.multipart_uploads import MultipartUploads, Part
from libs.core.ports.objects import ObjectStore
from libs.core.ports.uploads import UploadStore
from libs.core.rate_limiter import Usage
from services.upload.checksums import crc64nvme
from services.upload.reconcile import ReconcileUpload
from services.upload.tus.create import CreateTusUpload, TusRequest
from services.upload.use_cases import DeleteUpload


class JoinUploads:
    """Copy the bytes of finished partial uploads, in order, into a new upload.

    The bytes pass through this service, one part in memory at a time: S3 copies only parts of
    5 MiB or more, which partial uploads need not be.
    """

    def __init__(
        self,
        uploads: UploadStore,
        multipart: MultipartUploads,
        objects: ObjectStore,
        create: CreateTusUpload,
        reconcile: ReconcileUpload,
        delete: DeleteUpload,
    ) -> None:
        self._uploads = uploads
        self._multipart = multipart
        self._objects = objects
        self._create = create
        self._reconcile = reconcile
        self._delete = delete

    def __call__(
        self,
        owner: str,
        partial_ids: Sequence[str],
        request: TusRequest,
        usage: Usage | None = None,
    ) -> Upload:
        """Return the joined upload, which is complete. `usage` counts it as one more upload.

        Raises:
            UploadNotFound: One of the uploads is not there.
            TusRequestInvalid: One of them is not a partial upload.
            UploadIncomplete: One of them is not finished.
            RateLimited: The session or its address has used up a quota.
        """
        partials = [self._partial(owner, upload_id) for upload_id in partial_ids]
        size = sum(partial.size or 0 for partial in partials)
        state = TusState(offset=size, concat=request.concat)
        upload = self._create(owner, request, size, state, usage)
        try:
            joined = self._join(partials, upload)
        except CoreError:
            # The client has no URL of it, and will ask again.
            with suppress(CoreError):
                self._delete(owner, upload.id)
            raise
        # Their bytes are in the new upload; listings would show them as files of their own.
        for partial in partials:
            with suppress(UploadNotFound):
                self._uploads.remove(partial.id, owner)
        return joined

    def _join(self, partials: Sequence[Upload], upload: Upload) -> Upload:
        blocks = chain.from_iterable(
            self._objects.read(partial.key, 0, partial.size or 0) for partial in partials
        )
        parts: list[Part] = []
        for number, body in enumerate(_in_parts(blocks, upload.part_size), start=1):
            etag = self._multipart.put_part(
                upload.key, upload.multipart_id, number, body, crc64nvme(body)
            )
            parts.append(Part(number, len(body), etag))
        self._multipart.complete(upload.key, upload.multipart_id, parts)
        return self._reconcile.finish_from_object(upload)

    def _partial(self, owner: str, upload_id: str) -> Upload:
        upload = self._uploads.get(upload_id, owner)
        if upload.tus is None or upload.tus.concat != "partial":
            raise TusRequestInvalid("Upload-Concat names an upload that is not a partial one.")
        if upload.status is not UploadStatus.UPLOADED:
            raise UploadIncomplete("A partial upload is not finished yet.", missing_parts=[])
        return upload


def _in_parts(blocks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Cut a stream of blocks into parts of `size` bytes; the last one is shorter."""
    buffer = bytearray()
    for block in blocks:
        buffer += block
        while len(buffer) >= size:
            yield bytes(buffer[:size])
            del buffer[:size]
    if buffer:
        yield bytes(buffer)
