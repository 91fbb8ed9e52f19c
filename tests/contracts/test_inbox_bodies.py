"""Parse message bodies of S3, of the table's stream, and of unknown senders.

No body may end a worker's loop.
"""

import json
from dataclasses import replace
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer

from libs.core.adapters.aws.dynamodb.encoding import encode_conversion, encode_upload
from libs.core.domain.conversions import Phase
from libs.core.domain.events import ConversionQueued, FileUploaded, ItemRemoved
from libs.core.domain.progress import UnreadableItem
from libs.core.domain.uploads import UploadStatus
from libs.core.ports.inbox import Message
from tests.contracts.aws import AwsBackend
from tests.fakes import a_conversion, an_upload

UPLOAD = an_upload(now=1_700_000_000.0, id="upl_" + "A" * 22)
CONVERSION = a_conversion(UPLOAD, id="cnv_" + "B" * 22)
QUEUED = a_conversion(UPLOAD, id="cnv_" + "C" * 22, phase=Phase.QUEUED)
TTL = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


def s3(
    key: Any = f"uploads/{UPLOAD.id}/source",
    name: str = "ObjectCreated:CompleteMultipartUpload",
    **more: Any,
) -> dict[str, Any]:
    """Return one record of an S3 event."""
    return {
        "eventVersion": "2.1",
        "eventName": name,
        "s3": {"bucket": {"name": "any"}, "object": {"key": key}},
        **more,
    }


def stream(
    name: str, before: dict[str, Any] | None, now: dict[str, Any] | None, **more: Any
) -> dict[str, Any]:
    """Return one record of the stream, as GetRecords returns it."""
    images = {"OldImage": before, "NewImage": now}
    written = {
        image: {key: TypeSerializer().serialize(value) for key, value in item.items()}
        for image, item in images.items() if item
    }  # fmt: skip
    keys = {"pk": {"S": (now or before or {"pk": "?"})["pk"]}}
    return {"eventID": "1", "eventName": name, "dynamodb": {"Keys": keys, **written}, **more}


BODIES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "S3": ({"Records": [s3()]}, (FileUploaded(UPLOAD.id),)),
    "S3, slashes encoded": (
        {"Records": [s3(f"uploads%2F{UPLOAD.id}%2Fsource")]},
        (FileUploaded(UPLOAD.id),),
    ),
    "S3, a Put": ({"Records": [s3(name="ObjectCreated:Put")]}, (FileUploaded(UPLOAD.id),)),
    "S3, twice in one": ({"Records": [s3(), s3()]}, (FileUploaded(UPLOAD.id),) * 2),
    "an item that cannot be read, removed": (
        stream("REMOVE", {"pk": UPLOAD.id, "expires_at": 7, "mood": "good"}, None),
        (ItemRemoved(UnreadableItem(UPLOAD.id, 7), expired=False),),
    ),
    "an item with an unknown status, removed": (
        stream("REMOVE", encode_upload(UPLOAD) | {"status": "paused"}, None),
        (ItemRemoved(replace(UPLOAD, status=UploadStatus.of("paused")), expired=False),),
    ),
    "queued before a status was unknown": (
        stream("MODIFY", {"pk": QUEUED.id}, encode_conversion(QUEUED)),
        (ConversionQueued(QUEUED.id),),
    ),
    "queued at once": (
        stream("INSERT", None, encode_conversion(QUEUED)),
        (ConversionQueued(QUEUED.id),),
    ),
    "queued later": (
        stream(
            "MODIFY",
            encode_conversion(CONVERSION),
            encode_conversion(CONVERSION) | {"phase": "queued"},
        ),
        (ConversionQueued(CONVERSION.id),),
    ),
    "upload removed": (
        stream("REMOVE", encode_upload(UPLOAD), None),
        (ItemRemoved(UPLOAD, expired=False),),
    ),
    "conversion removed by TTL": (
        stream("REMOVE", encode_conversion(CONVERSION), None, userIdentity=TTL),
        (ItemRemoved(CONVERSION, expired=True),),
    ),
    "of a newer version": (
        stream(
            "REMOVE",
            encode_conversion(CONVERSION)
            | {"mood": "good", "options": {"bitrate": "192k", "start": 1, "reverb": 3}},
            None,
        ),
        (
            ItemRemoved(
                a_conversion(
                    UPLOAD,
                    id=CONVERSION.id,
                    options=type(CONVERSION.options)("192k", start=1),
                    unsupported=("option reverb",),
                ),
                expired=False,
            ),
        ),
    ),
}
SILENT: dict[str, Any] = {
    "test event": {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": "2026-01-01T00:00:00.000Z",
        "Bucket": "any",
    },
    "no records": {"Records": []},
    "erased": {"Records": [s3(name="ObjectRemoved:Delete")]},
    "an output": {"Records": [s3("outputs/cnv_x/1.mp3")]},
    "a stray key": {"Records": [s3("uploads/notes.txt")]},
    "a foreign id": {"Records": [s3("uploads/upl_short/source")]},
    "ü in the key": {"Records": [s3("uploads/%C3%BC+a/source")]},
    "upload created": stream("INSERT", None, encode_upload(UPLOAD)),
    "conversion that waits": stream("INSERT", None, encode_conversion(CONVERSION)),
    "an item of another kind": stream("REMOVE", {"pk": "lock"}, None),
}
UNREADABLE: dict[str, str] = {
    "nonsense": "nonsense",
    "half": '{"Records": [{"eventName": "Obj',
    "a number": "5",
    "null": "null",
    "a list": "[1, 2]",
    "an empty object": "{}",
    "records that are null": '{"Records": null}',
    "records that are words": '{"Records": ["a"]}',
    "no key": '{"Records": [{"eventName": "ObjectCreated:Put", "s3": {}}]}',
    "a key that is a number": json.dumps({"Records": [s3(5)]}),
    "an event name that is a number": '{"Records": [{"eventName": 5}]}',
    "images that are null": '{"eventName": "REMOVE", "dynamodb": null}',
    "an image that is no item": '{"eventName": "REMOVE", "dynamodb": {"OldImage": {"pk": "x"}}}',
    "an item without its fields": json.dumps(stream("INSERT", None, {"pk": UPLOAD.id})),
    "a number that is none": json.dumps(stream("REMOVE", encode_upload(UPLOAD), None)).replace(
        '"12582912"', '"many"'
    ),
    "a number without end": json.dumps(stream("REMOVE", encode_upload(UPLOAD), None)).replace(
        '"12582912"', '"Infinity"'
    ),
    "a status that is a number": json.dumps(
        stream("MODIFY", encode_upload(UPLOAD), encode_upload(UPLOAD) | {"status": 7})
    ),
    "a type nobody knows": '{"eventName": "REMOVE", "dynamodb": {"OldImage": {"pk": {"Q": "x"}}}}',
    "deeper than anybody reads": "[" * 100_000,
    "an SNS envelope": json.dumps({"Type": "Notification", "Message": "{}"}),
    "XML": "<Error><Code>AccessDenied</Code></Error>",
}


def _received(backend: AwsBackend, body: str) -> Message:
    harness = backend.harness(visibility=60)
    harness.send_raw(body)
    [message] = harness.inbox.receive(1, 1)
    return message


@pytest.mark.parametrize(("body", "events"), BODIES.values(), ids=BODIES)
def test_a_body_becomes_its_events(
    aws_backend: AwsBackend, body: Any, events: tuple[Any, ...]
) -> None:
    message = _received(aws_backend, json.dumps(body))

    assert (message.events, message.readable) == (events, True)


@pytest.mark.parametrize("body", SILENT.values(), ids=SILENT)
def test_a_body_of_no_interest_has_no_events(aws_backend: AwsBackend, body: Any) -> None:
    message = _received(aws_backend, json.dumps(body))

    assert (message.events, message.readable) == ((), True)


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_an_invalid_body_is_unreadable(aws_backend: AwsBackend, body: str) -> None:
    message = _received(aws_backend, body)

    assert (message.events, message.readable) == ((), False)


def test_an_invalid_body_does_not_hold_up_a_valid_one(aws_backend: AwsBackend) -> None:
    harness = aws_backend.harness(visibility=60)
    for body in (*UNREADABLE.values(), json.dumps({"Records": [s3()]})):
        harness.send_raw(body)

    seen = [message for _ in range(10) for message in harness.inbox.receive(10, 0)]

    assert sum(message.readable for message in seen) == 1
    assert len(seen) == len(UNREADABLE) + 1
