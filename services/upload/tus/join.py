"""Join partial tus uploads into one (the concatenation extension)."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from libs.core.domain.uploads import Upload, UploadStatus
from libs.core.errors import (
    MultipartUploadGone,
    ObjectMissing,
    StorageUnavailable,
    TusRequestInvalid,
    UploadIncomplete,
    UploadNotFound,
)
from libs.core.ports.multipart_uploads import MultipartUploads, Part
from libs.core.ports.objects import ObjectStore
from libs.core.ports.uploads import UploadStore
from libs.core.rate_limiter import Usage
from services.upload.checksums import crc64nvme
from services.upload.copy_slots import CopySlots
from services.upload.reconcile import ReconcileUpload
from services.upload.start_upload import id_of_request
from services.upload.tus.create import CreateTusUpload, TusRequest
from services.upload.tus.join_plan import Range, can_be_copied, plan_parts

MAX_PARTIALS = 100
"""Maximum number of uploads that one request can join. Clients send a file as two to ten of them.

Up to 10 MiB of each pass through this service; with more uploads, proxies would end the request."""

PARALLEL_COPIES = 8
"""Parts of one upload that are stored at once. S3 copies each at 100 MB/s or more, so the largest
file takes a few seconds."""


class JoinUploads:
    """Make a new upload of the bytes of finished partial uploads, in order.

    S3 copies the bytes. Only ranges that are too small for that pass through this service. A
    repeated request continues the same upload if the first one failed, and gets the same answer if
    it did not.
    """

    def __init__(
        self,
        uploads: UploadStore,
        multipart: MultipartUploads,
        objects: ObjectStore,
        create: CreateTusUpload,
        reconcile: ReconcileUpload,
        slots: CopySlots,
    ) -> None:
        """Use `slots` to limit the copies that this process makes at once."""
        self._uploads = uploads
        self._multipart = multipart
        self._objects = objects
        self._create = create
        self._reconcile = reconcile
        self._slots = slots

    def __call__(
        self,
        owner: str,
        partial_ids: Sequence[str],
        request: TusRequest,
        usage: Usage | None = None,
        on_read: Callable[[], None] = lambda: None,
    ) -> Upload:
        """Return the joined upload, which is complete. `usage` counts it as one more upload.

        `on_read` is called once the items of the partial uploads were read. Then the bytes are
        copied, which may take long and is mostly waiting for S3.

        Raises:
            UploadNotFound: This session has no upload of one of the ids.
            TusRequestInvalid: One of them is not a partial upload or is named twice, or there are
                too many.
            UploadClosed: The joined upload has failed, now or in an earlier request: its parts are
                gone from S3, or the object there has another size.
            UploadIncomplete: One of the partial uploads is not finished.
            FileTooLarge: Together they are over the limit.
            FilenameInvalid: The name cannot be kept.
            RateLimited: The session or its address has used up a quota.
            StorageUnavailable: Too many files are being copied.
        """
        if len(partial_ids) > MAX_PARTIALS:
            raise TusRequestInvalid(f"At most {MAX_PARTIALS} partial uploads can be joined.")
        if len(set(partial_ids)) < len(partial_ids):
            # No client asks for it, and few uploaded bytes would cause many that are copied.
            raise TusRequestInvalid("Upload-Concat names one partial upload twice.")
        # These headers are all that a request says, so equal headers mean a repeated request.
        key = f"{request.concat}\n{request.metadata}"
        try:
            joined = self._join(owner, partial_ids, request, usage, key, on_read)
        except (UploadNotFound, ObjectMissing) as error:
            # An earlier request has joined and removed them. Its answer may have been lost.
            joined = self._uploads.get(id_of_request(owner, key), owner)
            if joined.status is not UploadStatus.UPLOADED:
                raise UploadNotFound("A partial upload is gone. Upload the file again.") from error
        # Their bytes are in the new upload; listings would show them as files of their own.
        for partial_id in partial_ids:
            with suppress(UploadNotFound):
                self._uploads.remove(partial_id, owner)
        return joined

    def _join(
        self,
        owner: str,
        partial_ids: Sequence[str],
        request: TusRequest,
        usage: Usage | None,
        key: str,
        on_read: Callable[[], None],
    ) -> Upload:
        partials = [self._partial(owner, each) for each in partial_ids]
        on_read()
        size = sum(partial.size or 0 for partial in partials)
        client = usage.address if usage else owner
        with self._slot(client):
            upload = self._create(owner, request, size, usage, offset=size, idempotency_key=key)
            if upload.status is UploadStatus.UPLOADED:
                return upload
            # Another request may have completed it: the object decides.
            with suppress(MultipartUploadGone):
                plan = plan_parts([(p.key, p.size or 0) for p in partials])
                parts = self._store(upload, plan, client)
                self._multipart.complete(upload.key, upload.multipart_id, parts)
            return self._reconcile.require_uploaded(upload)

    def _partial(self, owner: str, upload_id: str) -> Upload:
        upload = self._uploads.get(upload_id, owner)
        if upload.tus is None or upload.tus.concat != "partial":
            raise TusRequestInvalid("Upload-Concat names an upload that is not a partial one.")
        if upload.status is not UploadStatus.UPLOADED:
            raise UploadIncomplete("A partial upload is not finished yet.", missing_parts=[])
        return upload

    @contextmanager
    def _slot(self, client: str) -> Iterator[None]:
        with self._slots.hold(client) as is_held:
            if not is_held:
                raise StorageUnavailable(
                    "Many files are being put together. Please try again in a moment.",
                    retry_after=5,
                )
            yield

    def _store(self, upload: Upload, plan: Sequence[Sequence[Range]], client: str) -> list[Part]:
        """Store the parts of a plan, some at a time."""

        def store(number: int, part: Sequence[Range]) -> Part:
            if can_be_copied(part):
                [copied] = part
                return self._multipart.copy_part(
                    upload.key,
                    upload.multipart_id,
                    number,
                    copied.key,
                    copied.start,
                    copied.end,
                    is_whole=copied.is_whole,
                )
            with self._slots.buffer(client):
                body = b"".join(
                    block
                    for each in part
                    for block in self._objects.read(each.key, each.start, each.end)
                )
                etag = self._multipart.put_part(
                    upload.key, upload.multipart_id, number, body, crc64nvme(body)
                )
                return Part(number, len(body), etag)

        with ThreadPoolExecutor(PARALLEL_COPIES, "join") as executor:
            return list(executor.map(store, range(1, len(plan) + 1), plan))
