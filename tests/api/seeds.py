"""Keep one session with an item in each state, whatever the tests do to them."""

import hashlib
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from libs.core.adapters.memory import MemoryBucket, MemoryMultipartUploads, MemoryTable
from libs.core.adapters.memory.bucket import StoredObject, etag_of
from libs.core.domain.conversions import Conversion, ConversionStatus, Output, Phase
from libs.core.domain.ids import derived_id
from libs.core.domain.uploads import Failure, Upload, UploadStatus
from tests.fakes import A_SOURCE, a_conversion, an_upload

OWNER = "the-owner-of-the-seeds"
PART_SIZE = 1
"""Bytes. A body that a fuzzer makes up has the length of a part now and then."""
BODY = b"abc"

OPEN_UPLOAD = derived_id("upload", "open")
UPLOADED = derived_id("upload", "uploaded")
FAILED_UPLOAD = derived_id("upload", "failed")
UPLOADS = (OPEN_UPLOAD, UPLOADED, FAILED_UPLOAD)
QUEUED = derived_id("conversion", "queued")
CONVERTING = derived_id("conversion", "converting")
COMPLETED = derived_id("conversion", "completed")
FAILED_CONVERSION = derived_id("conversion", "failed")
CONVERSIONS = (QUEUED, CONVERTING, COMPLETED, FAILED_CONVERSION)

SAYS_WHY = Failure("corrupt", "The file is damaged.")


class Seeds:
    """Hold a table and a bucket with the seeds, and put back those that were changed."""

    def __init__(self) -> None:
        self.table = MemoryTable()
        self.bucket = MemoryBucket()
        multipart_id = MemoryMultipartUploads(self.bucket).create("", "audio/wav", {})
        self._items: list[Upload | Conversion] = [*_uploads(multipart_id), *_conversions()]
        open_upload = self.bucket.multiparts.pop(multipart_id)
        open_upload.key = f"uploads/{OPEN_UPLOAD}/source"
        self._multiparts = {multipart_id: open_upload}
        self._objects = {
            f"uploads/{UPLOADED}/source": _stored(BODY),
            f"outputs/{COMPLETED}/1.mp3": _stored(BODY),
        }
        self.restore()

    def restore(self) -> None:
        """Put back every seed that was changed or removed."""
        for item in self._items:
            if self.table.find(item.id) != item:
                self.table.insert(item)
        self.bucket.objects.update(self._objects)
        self.bucket.multiparts.update(deepcopy(self._multiparts))

    def around(self, app: ASGIApp) -> ASGIApp:
        """Return an application that restores the seeds before each request."""

        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == ScopeType.HTTP:
                self.restore()
            await app(scope, receive, send)

        return call


def _uploads(multipart_id: str) -> Sequence[Upload]:
    open_upload = an_upload(
        OWNER, id=OPEN_UPLOAD, size=len(BODY), part_size=PART_SIZE, multipart_id=multipart_id
    )
    return [
        open_upload,
        replace(open_upload, id=UPLOADED, status=UploadStatus.UPLOADED),
        replace(open_upload, id=FAILED_UPLOAD, status=UploadStatus.FAILED, error=SAYS_WHY),
    ]


def _conversions() -> Sequence[Conversion]:
    upload = an_upload(OWNER, id=UPLOADED)
    running = a_conversion(
        upload,
        id=CONVERTING,
        status=ConversionStatus.CONVERTING,
        phase=Phase.CONVERTING,
        percent=41.3,
        speed=20.5,
        eta_seconds=3.2,
        source=A_SOURCE,
        attempts=1,
        started_at=upload.created_at,
    )
    finished = replace(running, phase=Phase.DONE, finished_at=upload.created_at)
    output = Output(
        f"outputs/{COMPLETED}/1.mp3",
        "song.mp3",
        len(BODY),
        "audio/mpeg",
        180.25,
        hashlib.sha256(BODY).hexdigest(),
    )
    return [
        a_conversion(upload, id=QUEUED, phase=Phase.QUEUED),
        running,
        replace(finished, id=COMPLETED, status=ConversionStatus.COMPLETED, output=output),
        replace(finished, id=FAILED_CONVERSION, status=ConversionStatus.FAILED, error=SAYS_WHY),
    ]


def _stored(body: bytes) -> StoredObject:
    return StoredObject(body, etag_of(body), "audio/wav", {})
