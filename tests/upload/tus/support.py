"""Send tus requests."""

import base64
from typing import Any

import httpx
from litestar.testing import TestClient

from libs.core.domain.uploads import MIB, Upload, UploadStatus
from tests.upload.support import UploadHarness

PATH = "/api/uploads/tus"
PART = 5 * MIB
TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {**TUS, "Content-Type": "application/offset+octet-stream"}
Client = TestClient[Any]


def encode(**metadata: str) -> str:
    """Encode metadata as the header Upload-Metadata."""
    pairs = (
        f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in metadata.items()
    )
    return ",".join(pairs)


def create(client: Client, length: int | None, **headers: str) -> str:
    """Create an upload and return its URL."""
    given = {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
    answer = client.post(PATH, headers={**TUS, **given, **headers})
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


def append(client: Client, url: str, offset: int, body: bytes, **headers: str) -> httpx.Response:
    """Send bytes from an offset on."""
    return client.patch(
        url, content=body, headers={**BYTES, "Upload-Offset": str(offset), **headers}
    )


def offset_of(client: Client, url: str) -> int:
    """Return the offset that HEAD answers."""
    answer = client.head(url, headers=TUS)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    return int(answer.headers["Upload-Offset"])


def stored(harness: UploadHarness, url: str) -> tuple[Upload, bytes]:
    """Return the upload, which must be complete, and the bytes of its object."""
    upload = harness.uploads.get(url.rpartition("/")[2])
    assert upload.status is UploadStatus.UPLOADED
    return upload, harness.body(upload)
