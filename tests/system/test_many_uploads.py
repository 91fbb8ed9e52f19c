"""Test that many uploads at once, by all protocols, do not mix their bytes (fault 3)."""

import hashlib
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from deploy.local.stack import EmbeddedStack
from deploy.local.targets import EmulatorTarget
from libs.core.domain.uploads import MIB, source_key, upload_id_of
from tests.system.client import Client, ok

pytestmark = pytest.mark.stack

COUNT = 50
TUS = {"Tus-Resumable": "1.0.0"}


class PatientTransport(httpx.HTTPTransport):
    """Repeat what is answered with 503, as clients do: fifty at once may be too many."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()  # so that the body can be sent again
        while (answer := super().handle_request(request)).status_code == 503:
            answer.read()
            time.sleep(float(answer.headers["Retry-After"]))
        return answer


def native(client: Client, name: str, body: bytes) -> str:
    return str(client.upload(body, name)["id"])


def tus(client: Client, name: str, body: bytes) -> str:
    """Send the file in pieces whose borders are no borders of parts."""
    del name
    created = client.http.post("/api/uploads/tus", headers={**TUS, "Upload-Length": str(len(body))})
    assert created.status_code == 201, created.text
    url = created.headers["Location"]
    while (offset := offset_of(client, url)) < len(body):
        headers = {
            **TUS,
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
        }
        piece = body[offset : offset + len(body) // 3 + 1]
        sent = client.http.patch(url, content=piece, headers=headers)
        # 409: the piece arrived although it was answered with 503 before.
        assert sent.status_code in (204, 409), sent.text
    return url.rpartition("/")[2]


def offset_of(client: Client, url: str) -> int:
    return int(client.http.head(url, headers=TUS).headers["Upload-Offset"])


def companion(client: Client, name: str, body: bytes) -> str:
    begun = ok(client.http.post("/api/uploads/s3/multipart", json={"filename": name}))
    url, key = f"/api/uploads/s3/multipart/{begun['uploadId']}", begun["key"]
    query = urlencode({"key": key})
    parts: list[dict[str, Any]] = []
    for number, start in enumerate(range(0, len(body), 5 * MIB), start=1):
        signed = ok(client.http.get(f"{url}/{number}?{query}"))["url"]
        sent = httpx.put(signed, content=body[start : start + 5 * MIB], timeout=120)
        assert sent.status_code == 200, sent.text
        parts.append({"PartNumber": number, "ETag": sent.headers["ETag"]})
    ok(client.http.post(f"{url}/complete?{query}", json={"parts": parts}))
    return upload_id_of(key) or ""


PROTOCOLS = (native, tus, companion)


def test_fifty_uploads_at_once_by_three_protocols_are_not_mixed(
    client: Client, stack: EmbeddedStack
) -> None:
    seed = int(os.environ.get("TINYPIXO_SEED", random.randrange(2**32)))
    print(f"seed {seed}")
    chance = random.Random(seed)
    # Every tenth one has two parts.
    bodies = [
        chance.randbytes(chance.randrange(1, 200_000) + (5 * MIB if number % 10 == 0 else 0))
        for number in range(COUNT)
    ]
    client.http = httpx.Client(
        base_url=client.base, timeout=120, transport=PatientTransport(retries=1)
    )
    ok(client.http.get("/api/uploads"))  # gets the cookie before the requests that need it

    def send(number: int) -> str:
        return PROTOCOLS[number % len(PROTOCOLS)](client, f"{number}.wav", bodies[number])

    with ThreadPoolExecutor(COUNT) as pool:
        ids = list(pool.map(send, range(COUNT)))

    assert len(set(ids)) == COUNT
    assert stack.outputs
    assert isinstance(stack.target, EmulatorTarget)
    s3 = stack.target.client("s3")
    for upload_id, body in zip(ids, bodies, strict=True):
        shown = ok(client.http.get(f"/api/uploads/{upload_id}"))
        assert (shown["status"], shown["size"]) == ("uploaded", len(body))
        found = s3.get_object(Bucket=stack.outputs.bucket_name, Key=source_key(upload_id))["Body"]
        assert hashlib.sha256(found.read()).digest() == hashlib.sha256(body).digest()
    s3.close()
