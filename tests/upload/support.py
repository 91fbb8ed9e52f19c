"""Provide the upload service on memory adapters, with parts of a few bytes."""

from dataclasses import replace
from typing import Any

from dependency_injector import providers
from litestar.testing import TestClient

from libs.core.adapters.memory import (
    MemoryBucket,
    MemoryConversionStore,
    MemoryMultipartUploads,
    MemoryObjectStore,
    MemoryQuotas,
    MemoryResumableUploads,
    MemoryRevokedSessions,
    MemoryTable,
    MemoryUploadStore,
    MemoryUrlSigner,
)
from libs.core.domain.conversions import Conversion
from libs.core.domain.uploads import Upload
from libs.core.rate_limiter import RateLimiter
from services.upload.container import UploadContainer
from services.upload.parts import ReportParts, SignParts, StorePart, ValidatePart
from services.upload.reconcile import ReconcileUpload
from services.upload.settings import UploadSettings
from services.upload.start_upload import StartUpload
from services.upload.use_cases import CompleteUpload, DeleteUpload, ShowUpload
from tests.fakes import FakeClock, a_conversion, an_upload

Client = TestClient[Any]

BODY = b"hello, world"
"""Divided into parts of 5, 5 and 2 bytes."""
PART_SIZE = 5
HOUR = 3600
MAX_SIZE = 1000
OWNER = "anna"


def part(number: int) -> bytes:
    return BODY[(number - 1) * PART_SIZE : number * PART_SIZE]


class UploadHarness:
    """Hold all ports in memory, and the use cases on them."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.bucket = MemoryBucket(clock)
        self.table = MemoryTable(clock)
        self.uploads = MemoryUploadStore(self.table)
        self.resumable_uploads = MemoryResumableUploads(self.table)
        self.conversions = MemoryConversionStore(self.table)
        self.multipart = MemoryMultipartUploads(self.bucket)
        self.objects = MemoryObjectStore(self.bucket)
        self.revoked_sessions = MemoryRevokedSessions(clock)
        self.quotas = MemoryQuotas(clock)
        self.reconcile = ReconcileUpload(
            self.uploads, self.conversions, self.multipart, self.objects
        )
        self.start = StartUpload(self.uploads, self.multipart, MAX_SIZE, 24 * HOUR, clock)
        self.show = ShowUpload(self.uploads, self.reconcile)
        self.sign = SignParts(self.uploads, MemoryUrlSigner(), HOUR, clock)
        self.expect = ValidatePart(self.uploads)
        self.store_part = StorePart(self.uploads, self.multipart, self.reconcile)
        self.report = ReportParts(self.uploads, self.reconcile)
        self.complete = CompleteUpload(self.uploads, self.multipart, self.reconcile)
        self.delete = DeleteUpload(self.uploads, self.conversions)

    def create_upload(self, conversions: int = 0, **changes: Any) -> Upload:
        """Create an upload of BODY in progress, and conversions that wait for it."""
        upload = an_upload(OWNER, self.clock(), size=len(BODY), part_size=PART_SIZE, **changes)
        wanted = [a_conversion(upload) for _ in range(conversions)]
        multipart_id = self.multipart.create(upload.key, upload.content_type, {})
        upload = replace(upload, multipart_id=multipart_id, conversions=tuple(c.id for c in wanted))
        self.uploads.create(upload, wanted)
        return upload

    def send_parts(self, upload: Upload, *numbers: int) -> Upload:
        """Store parts in S3 without reporting them; all parts by default."""
        for number in numbers or range(1, (upload.part_count or 0) + 1):
            self.multipart.put_part(upload.key, upload.multipart_id, number, part(number))
        return upload

    def create_uploaded(self) -> Upload:
        return self.complete(OWNER, self.send_parts(self.create_upload()).id)

    def now(self, upload: Upload) -> Upload:
        return self.uploads.get(upload.id)

    def body(self, upload: Upload) -> bytes:
        return self.bucket.objects[upload.key].body

    def conversions_of(self, upload: Upload) -> list[Conversion]:
        return [self.conversions.get(conversion_id) for conversion_id in upload.conversions]

    def override_adapters(self, container: UploadContainer) -> None:
        """Override a container's adapters with these ports.

        Tests share one application, because building it takes far longer than a request.
        """
        names = (
            "uploads",
            "resumable_uploads",
            "conversions",
            "multipart",
            "objects",
            "revoked_sessions",
            "quotas",
        )
        for name in names:
            getattr(container, name).override(providers.Object(getattr(self, name)))
        container.part_slots.reset()
        limits = container.settings().quota_limits
        limiter = RateLimiter(self.quotas, limits, self.clock)
        container.rate_limiter.override(providers.Object(limiter))


def create_container(**settings: Any) -> UploadContainer:
    """Return the service's own container, with its AWS adapters."""
    given: dict[str, Any] = {
        "bucket": "bucket",
        "table": "table",
        "session_secret": "a secret of the tests, long enough",
        "AWS_REGION": "eu-central-1",
    }
    container = UploadContainer(settings=UploadSettings(**given, **settings))
    container.signer.override(providers.Object(MemoryUrlSigner()))
    return container


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """Return the problem document of a response, after checking its status and code."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert (found["code"], found["status"]) == (code, status)
    assert {"type", "title", "detail"} <= found.keys()
    return found


def create(client: Client, **more: Any) -> dict[str, Any]:
    """Create an upload of the size of BODY over HTTP."""
    answer = client.post("/api/uploads", json={"filename": "song.wav", "size": len(BODY), **more})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made
