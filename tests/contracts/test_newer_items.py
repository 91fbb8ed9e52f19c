"""Read items of a newer version of the service, and items that cannot be read."""

from threading import Event as Flag
from typing import Any

from libs.core.adapters.aws.dynamodb.codec import encode_conversion, encode_upload
from libs.core.domain.uploads import Upload
from tests.contracts.aws import AwsBackend
from tests.fakes import a_conversion, an_upload


def _put(backend: AwsBackend, item: dict[str, Any]) -> None:
    backend.connection.dynamodb.put_item(TableName=backend.table.name, Item=item)


def test_unknown_attributes_are_ignored_at_every_depth(aws_backend: AwsBackend, owner: str) -> None:
    upload = an_upload(owner, aws_backend.clock())
    conversion = a_conversion(upload)
    item = encode_conversion(conversion)
    _put(
        aws_backend,
        item | {"mood": "good", "schema": 2, "options": {**item["options"], "reverb": 3}},
    )

    assert aws_backend.conversions.get(conversion.id) == conversion


def test_an_item_older_than_an_option_reads_as_without_it(
    aws_backend: AwsBackend, owner: str
) -> None:
    conversion = a_conversion(an_upload(owner, aws_backend.clock()))
    item = encode_conversion(conversion)
    assert not {"fade_in", "fade_out"} & item["options"].keys()
    _put(aws_backend, item)

    found = aws_backend.conversions.get(conversion.id)

    assert (found.options.fade_in, found.options.fade_out) == (None, None)


def test_unknown_attributes_survive_a_write(aws_backend: AwsBackend, owner: str) -> None:
    upload = an_upload(owner, aws_backend.clock())
    _put(aws_backend, encode_upload(upload) | {"mood": "good"})

    aws_backend.uploads.add_part(upload.id, 1)

    item = aws_backend.table.get(upload.id)
    assert item
    assert item["mood"] == "good"


def test_the_feed_skips_an_item_that_it_cannot_read(aws_backend: AwsBackend, owner: str) -> None:
    stop = Flag()
    batches = aws_backend.feed.follow(stop)
    next(batches)
    upload: Upload = an_upload(owner, aws_backend.clock())
    _put(aws_backend, {"pk": "lock"})
    _put(aws_backend, encode_upload(an_upload(owner, aws_backend.clock())) | {"status": "dreaming"})
    aws_backend.uploads.create(upload, [])

    seen = [change.item.id for _ in range(20) for change in next(batches) or []]
    stop.set()

    assert upload.id in seen
