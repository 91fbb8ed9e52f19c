"""Test clients that break off, have two tabs, a wrong clock or an old page (faults 1, 3, 5, 12)."""

import hashlib
import random
from collections.abc import Iterator

import pytest
from litestar import Litestar

from libs.core.domain.uploads import Upload, choose_part_size
from services.upload.container import UploadContainer
from tests.fault_injection import eventually
from tests.http_server import connected, read_response, serving
from tests.upload.support import BODY, OWNER, Client, UploadHarness, create, part
from tests.upload.test_slow_requests import TOKEN


@pytest.fixture
def port(app: Litestar, container: UploadContainer, harness: UploadHarness) -> Iterator[int]:
    harness.override_adapters(container)
    with serving(app) as port:
        yield port


def put(port: int, upload: Upload, number: int, cut_by: random.Random | None = None) -> None:
    """Send a part through the service, or break off in its headers or in its body."""
    body = part(number)
    head = (
        f"PUT /api/uploads/{upload.id}/parts/{number} HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    request = head.encode() + body
    end = len(request)
    if cut_by:
        end = cut_by.choice(
            (cut_by.randrange(1, len(head)), cut_by.randrange(len(head), len(request)))
        )
    with connected(port) as connection:
        connection.sendall(request[:end])
        if cut_by is None:
            assert b" 200 " in read_response(connection)[:20]


@pytest.mark.parametrize("seed", range(20))
def test_a_client_that_is_cut_anywhere_sends_only_that_part_again(
    port: int, harness: UploadHarness, seed: int
) -> None:
    rng = random.Random(seed)
    upload = harness.create_upload()
    lost = rng.sample([1, 2, 3], rng.randint(1, 3))
    for number in (1, 2, 3):
        if number in lost:
            put(port, upload, number, cut_by=rng)
        else:
            put(port, upload, number)

    eventually(lambda: harness.now(upload).completed_parts == {1, 2, 3} - set(lost))
    for number in lost:
        put(port, upload, number)

    harness.complete(OWNER, upload.id)
    found = hashlib.sha256(harness.body(upload)).hexdigest()
    assert found == hashlib.sha256(BODY).hexdigest()


def test_two_tabs_with_the_same_file_make_two_uploads_of_their_own(
    client: Client, harness: UploadHarness
) -> None:
    one, other = create(client), create(client)
    assert one["id"] != other["id"]

    for made, body in ((one, b"0" * len(BODY)), (other, BODY)):
        url = f"/api/uploads/{made['id']}"
        assert client.put(f"{url}/parts/1", content=body).status_code == 200
    for made in (one, other):
        assert client.post(f"/api/uploads/{made['id']}/complete", json={}).status_code == 200

    bodies = [harness.body(harness.uploads.get(made["id"])) for made in (one, other)]
    assert bodies == [b"0" * len(BODY), BODY]


def test_an_upload_keeps_the_part_size_that_it_began_with(
    client: Client, harness: UploadHarness, container: UploadContainer
) -> None:
    """The version that runs now would choose another one."""
    upload = harness.create_upload()
    assert choose_part_size(len(BODY)) != upload.part_size

    for number in (1, 2, 3):
        size = harness.expect(OWNER, upload.id, number, len(part(number)))
        assert size
        harness.multipart.put_part(upload.key, upload.multipart_id, number, part(number))
    harness.complete(OWNER, upload.id)

    assert harness.body(upload) == BODY


@pytest.mark.parametrize(
    "date", ["Fri, 01 Jan 1999 00:00:00 GMT", "Thu, 31 Dec 2099 23:59:59 GMT", "yesterday"]
)
def test_the_clock_of_a_client_decides_nothing(
    client: Client, harness: UploadHarness, date: str
) -> None:
    headers = {"Date": date, "If-Unmodified-Since": date}
    made = client.post(
        "/api/uploads", json={"filename": "a.wav", "size": len(BODY)}, headers=headers
    ).json()
    url = f"/api/uploads/{made['id']}"
    signed = client.post(f"{url}/parts/sign", json={"part_numbers": [1]}, headers=headers)

    assert signed.status_code == 200
    assert client.put(f"{url}/parts/1", content=BODY, headers=headers).status_code == 200
    assert client.post(f"{url}/complete", json={}, headers=headers).status_code == 200
    expires_at = harness.uploads.get(made["id"]).expires_at
    assert expires_at == pytest.approx(harness.clock() + 24 * 3600, abs=10)
