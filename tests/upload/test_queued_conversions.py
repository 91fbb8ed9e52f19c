"""Test that whoever completes an upload queues what waits for it, in each way to complete one."""

import hashlib
import json
from collections.abc import Callable

import pytest

from libs.core.domain.conversions import Phase
from libs.core.domain.uploads import Upload, UploadStatus, upload_id_of
from tests.fault_injection import fail_calls
from tests.upload.support import BODY, OWNER, Client, UploadHarness
from tests.upload.support import create as create_in_parts
from tests.upload.test_companion import Multipart
from tests.upload.tus.support import PATH, TUS, append, create, encode

CONVERT = json.dumps([{"format": "mp3"}, {"format": "flac"}])
SHA256 = hashlib.sha256(BODY).hexdigest()


def phases(harness: UploadHarness, upload_id: str) -> list[Phase]:
    upload = harness.uploads.get(upload_id)
    assert upload.status is UploadStatus.UPLOADED
    return [c.phase for c in harness.conversions_of(upload)]


def send_in_parts(client: Client, sha256: str | None = None) -> str:
    made = create_in_parts(client, convert=json.loads(CONVERT), sha256=sha256)
    if made["status"] == "uploading":
        client.put(f"/api/uploads/{made['id']}/parts/1", content=BODY).raise_for_status()
        client.post(f"/api/uploads/{made['id']}/complete", json={}).raise_for_status()
    return str(made["id"])


def send_again(client: Client, _harness: UploadHarness) -> str:
    """Create an upload whose bytes are copied from the first one, so that nothing is sent."""
    first = send_in_parts(client, SHA256)
    second = create_in_parts(client, convert=json.loads(CONVERT), sha256=SHA256)
    assert (second["status"], second["id"] == first) == ("uploaded", False)
    return str(second["id"])


def send_by_tus(client: Client, _harness: UploadHarness) -> str:
    url = create(client, len(BODY), **{"Upload-Metadata": encode(convert=CONVERT)})
    append(client, url, 0, BODY).raise_for_status()
    return url.rpartition("/")[2]


def join_by_tus(client: Client, _harness: UploadHarness) -> str:
    partial = create(client, len(BODY), **{"Upload-Concat": "partial"})
    append(client, partial, 0, BODY)
    wanted = {"Upload-Concat": f"final;{partial}", "Upload-Metadata": encode(convert=CONVERT)}
    answer = client.post(PATH, headers={**TUS, **wanted}).raise_for_status()
    return str(answer.headers["Location"]).rpartition("/")[2]


def send_by_uppy(client: Client, harness: UploadHarness) -> str:
    multipart = Multipart(client, harness, convert=CONVERT)
    multipart.complete([(1, multipart.put(1, BODY))]).raise_for_status()
    return multipart.upload.id


def read_a_posted_form(client: Client, harness: UploadHarness) -> str:
    """Post a form to S3, and read its upload before the event has come."""
    wanted = {"filename": "a.wav", "type": "audio/wav", "metadata[convert]": CONVERT}
    form = client.get("/api/uploads/s3/params", params=wanted).raise_for_status().json()
    harness.objects.put(form["fields"]["key"], BODY, "audio/wav", {})
    upload_id = upload_id_of(form["fields"]["key"]) or ""
    client.get(f"/api/uploads/{upload_id}").raise_for_status()
    return upload_id


@pytest.mark.parametrize(
    "send",
    [
        lambda client, _: send_in_parts(client),
        send_again,
        send_by_tus,
        join_by_tus,
        send_by_uppy,
        read_a_posted_form,
    ],
    ids=["parts", "reuse", "tus", "joined", "uppy", "form"],
)
def test_what_waits_for_an_upload_is_queued_by_the_request_that_completes_it(
    client: Client, harness: UploadHarness, send: Callable[[Client, UploadHarness], str]
) -> None:
    """Each waited for the event of S3, behind thousands that a few forms had caused."""
    assert phases(harness, send(client, harness)) == [Phase.QUEUED, Phase.QUEUED]


def waiting_upload(harness: UploadHarness) -> Upload:
    return harness.send_parts(harness.create_upload(conversions=2))


def test_a_file_is_uploaded_also_if_nothing_can_be_queued(harness: UploadHarness) -> None:
    """A worker queues it later: by the event of S3, or because it has waited long."""
    upload = waiting_upload(harness)
    fail_calls(harness.conversions, "queue")

    done = harness.complete(OWNER, upload.id)

    assert done.status is UploadStatus.UPLOADED
    assert phases(harness, upload.id) == [Phase.WAITING, Phase.WAITING]


def test_nothing_is_queued_for_an_upload_that_is_not_whole(harness: UploadHarness) -> None:
    upload = waiting_upload(harness)
    harness.multipart.abort(upload.key, upload.multipart_id)

    failed = harness.show(OWNER, upload.id)

    assert failed.status is UploadStatus.FAILED
    assert {c.phase for c in harness.conversions_of(upload)} == {Phase.WAITING}


def test_a_cancelled_conversion_stays_cancelled_when_its_file_arrives(
    harness: UploadHarness,
) -> None:
    upload = waiting_upload(harness)
    harness.conversions.cancel(upload.conversions[0], OWNER)

    harness.complete(OWNER, upload.id)

    assert phases(harness, upload.id) == [Phase.DONE, Phase.QUEUED]
