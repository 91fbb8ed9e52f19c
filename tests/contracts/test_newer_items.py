"""Read items of a newer version of the service, and items that cannot be read (fault 39).

One such item must neither fail a listing nor hold up others. What a worker would have to know, and
does not, is left to the version that knows it.
"""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from libs.core.adapters.aws.dynamodb.encoding import encode_conversion, encode_upload
from libs.core.domain.conversions import Conversion, Phase
from libs.core.domain.ids import new_id
from libs.core.domain.progress import UnreadableItem
from libs.core.domain.uploads import Upload
from libs.core.errors import ConversionNotFound, UploadNotFound
from tests.contracts.aws import AwsBackend
from tests.fakes import DAY, a_conversion, an_output, an_upload

MISSING = object()

READABLE: dict[str, dict[str, Any]] = {
    "an attribute": {"mood": "good"},
    "a status": {"status": "paused"},
    "a phase": {"phase": "tuning"},
    "a status and a phase": {"status": "archived", "phase": "packed"},
    "a format": {"format": "mp4"},
    "an option": {"options": {"bitrate": "192k", "reverb": 3}},
    "a schema": {"schema": 2},
    "no attempts": {"attempts": MISSING},
    "no options": {"options": MISSING},
    "no percent": {"percent": MISSING},
    "no update": {"updated_at": MISSING, "version": MISSING},
    "a source without its codec": {"source": {"container": "wav", "layers": 2}},
    "an output without its hash": {
        "status": "completed",
        "output": {"key": "outputs/1", "filename": "a.mp3", "size": 1, "media_type": "audio/mpeg"},
    },
    "an output without its key": {"status": "completed", "output": {"parts": ["a", "b"]}},
    "a failure without its detail": {"status": "failed", "error": {"code": "tired"}},
    "an output upload without its recipe": {"output_upload": {"key": "outputs/1"}},
    "values of other types": {"percent": "half", "warnings": "none", "worker": 7, "options": "any"},
}
UNREADABLE: dict[str, dict[str, Any]] = {
    "no owner": {"owner": MISSING},
    "no upload": {"upload_id": MISSING},
    "a format that is a map": {"format": {"name": "mp3"}},
    "no status": {"status": MISSING},
    "a phase that is a list": {"phase": ["queued"]},
    "no time of creation": {"filename": 7},
}
UNSUPPORTED = ["a format", "an option", "a schema"]

readable = pytest.mark.parametrize("changes", READABLE.values(), ids=READABLE)
unreadable = pytest.mark.parametrize("changes", UNREADABLE.values(), ids=UNREADABLE)


def put(backend: AwsBackend, item: dict[str, Any], changes: dict[str, Any]) -> None:
    changed = {name: value for name, value in {**item, **changes}.items() if value is not MISSING}
    backend.connection.dynamodb.put_item(TableName=backend.table.name, Item=changed)


@pytest.fixture
def ordinary(aws_backend: AwsBackend, owner: str) -> Conversion:
    """Create a conversion that any worker may claim."""
    upload = an_upload(owner, aws_backend.clock())
    aws_backend.uploads.create(upload, [])
    return aws_backend.conversions.create(
        a_conversion(upload), aws_backend.uploads.mark_uploaded(upload.id)
    )


@pytest.fixture
def newer(aws_backend: AwsBackend, owner: str) -> Conversion:
    """Return a queued conversion of the same owner, not stored."""
    upload = an_upload(owner, aws_backend.clock())
    return a_conversion(upload, phase=Phase.QUEUED, created_at=aws_backend.clock() - 1)


@readable
def test_an_item_of_a_newer_version_is_listed_and_blocks_no_other(
    aws_backend: AwsBackend, ordinary: Conversion, newer: Conversion, changes: dict[str, Any]
) -> None:
    put(aws_backend, encode_conversion(newer), changes)

    ids = {ordinary.id, newer.id}
    assert {c.id for c in aws_backend.conversions.list(newer.owner, 10).items} == ids
    assert ids <= {p.id for p in aws_backend.progress.of_owner(newer.owner)}
    shown = aws_backend.conversions.get(newer.id, newer.owner)
    assert shown.status == changes.get("status", "queued")
    assert aws_backend.progress.get(newer.id, newer.owner).phase == changes.get("phase", "queued")
    assert ordinary.id in {c.id for c in aws_backend.queue.in_phase(Phase.QUEUED)}
    assert aws_backend.leases.claim(ordinary.id, "worker", 30)
    aws_backend.conversions.remove(newer.id, newer.owner)


@unreadable
def test_an_item_that_cannot_be_read_counts_as_absent(
    aws_backend: AwsBackend, ordinary: Conversion, newer: Conversion, changes: dict[str, Any]
) -> None:
    put(aws_backend, encode_conversion(newer), changes)

    listed = [c.id for c in aws_backend.conversions.list(newer.owner, 10).items]
    assert listed == [ordinary.id]
    assert newer.id not in {p.id for p in aws_backend.progress.of_owner(newer.owner)}
    queued = {c.id for c in aws_backend.queue.in_phase(Phase.QUEUED)}
    assert ordinary.id in queued
    assert newer.id not in queued
    assert aws_backend.leases.claim(newer.id, "worker", 30) is None
    for read in (aws_backend.conversions.get, aws_backend.progress.get):
        with pytest.raises(ConversionNotFound):
            read(newer.id, newer.owner)


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_a_worker_leaves_what_it_does_not_know_to_others(
    aws_backend: AwsBackend, newer: Conversion, name: str
) -> None:
    put(aws_backend, encode_conversion(newer), READABLE[name])
    before = aws_backend.table.get(newer.id)

    assert aws_backend.leases.claim(newer.id, "worker", 30) is None
    assert aws_backend.leases.claim(newer.id, "worker", 30, newer.version) is None

    assert aws_backend.table.get(newer.id) == before
    assert aws_backend.conversions.get(newer.id).unsupported


def test_an_upload_with_an_unknown_status_is_shown(aws_backend: AwsBackend, owner: str) -> None:
    upload = an_upload(owner, aws_backend.clock())
    put(aws_backend, encode_upload(upload), {"status": "scanning", "tags": {"a"}})

    [listed] = aws_backend.uploads.list(owner, 10).items
    assert listed == aws_backend.uploads.get(upload.id, owner)
    assert listed.status == "scanning"
    assert not aws_backend.progress.get(upload.id, owner).terminal


@pytest.mark.parametrize("name", ["filename", "part_size", "status", "owner"])
def test_an_upload_that_cannot_be_read_counts_as_absent(
    aws_backend: AwsBackend, owner: str, name: str
) -> None:
    upload, other = an_upload(owner, aws_backend.clock()), an_upload(owner, aws_backend.clock())
    aws_backend.uploads.create(other, [])
    put(aws_backend, encode_upload(upload), {name: MISSING})

    assert [u.id for u in aws_backend.uploads.list(owner, 10).items] == [other.id]
    assert [p.id for p in aws_backend.progress.of_owner(owner)] == [other.id]
    uploads = aws_backend.uploads
    calls: list[tuple[Callable[..., Upload], tuple[Any, ...]]] = [
        (uploads.get, (upload.id, owner)),
        (uploads.add_parts, (upload.id, 1)),
        (uploads.mark_uploaded, (upload.id,)),
    ]
    for call, arguments in calls:
        with pytest.raises(UploadNotFound):
            call(*arguments)


def test_every_expired_item_can_be_removed(
    aws_backend: AwsBackend, ordinary: Conversion, newer: Conversion
) -> None:
    ids = []
    for changes in (*READABLE.values(), *UNREADABLE.values()):
        ids.append(new_id("conversion"))
        put(aws_backend, encode_conversion(newer), {"pk": ids[-1], **changes})
    ids.append(new_id("upload"))
    put(aws_backend, {"pk": ids[-1]}, {"expiry_shard": "0", "expires_at": newer.expires_at})
    aws_backend.clock.advance(2 * DAY)
    now = aws_backend.clock()

    found = {item.id: item for item in aws_backend.expired.expired(now) if item.id in ids}

    assert set(found) == set(ids)
    unreadable = [item for item in found.values() if isinstance(item, UnreadableItem)]
    assert len(unreadable) == len(UNREADABLE) + 1
    assert all(aws_backend.expired.remove_expired([item], now) for item in found.values())
    assert not aws_backend.expired.read_many(ids)


def test_an_unreadable_item_exists_for_whoever_looks_for_orphans(
    aws_backend: AwsBackend, newer: Conversion
) -> None:
    put(aws_backend, encode_conversion(newer), {"status": MISSING})

    assert aws_backend.expired.read_many([newer.id]) == {newer.id: None}


def test_an_item_older_than_an_option_reads_as_without_it(
    aws_backend: AwsBackend, newer: Conversion
) -> None:
    item = encode_conversion(newer)
    assert not {"fade_in", "fade_out"} & item["options"].keys()
    put(aws_backend, item, {})

    found = aws_backend.conversions.get(newer.id)

    assert (found.options.fade_in, found.options.fade_out) == (None, None)
    assert not found.unsupported


def test_unknown_attributes_survive_a_write(aws_backend: AwsBackend, owner: str) -> None:
    upload = an_upload(owner, aws_backend.clock())
    put(aws_backend, encode_upload(upload), {"mood": "good"})

    aws_backend.uploads.add_parts(upload.id, 1)

    item = aws_backend.table.get(upload.id)
    assert item
    assert item["mood"] == "good"


def test_a_report_of_an_attempt_replaces_an_unknown_phase(
    aws_backend: AwsBackend, ordinary: Conversion
) -> None:
    mine = aws_backend.leases.claim(ordinary.id, "worker", 30)
    assert mine
    item = aws_backend.table.get(ordinary.id)
    assert item
    put(aws_backend, item, {"phase": "tuning"})

    done = aws_backend.leases.publish(mine, an_output(mine), ())

    assert done.phase is Phase.DONE


def test_the_feed_skips_an_item_that_it_cannot_read(aws_backend: AwsBackend, owner: str) -> None:
    stop = threading.Event()
    batches = aws_backend.feed.follow(stop)
    next(batches)
    upload: Upload = an_upload(owner, aws_backend.clock())
    put(aws_backend, {"pk": "lock"}, {})
    broken, newer = an_upload(owner, aws_backend.clock()), an_upload(owner, aws_backend.clock())
    put(aws_backend, encode_upload(broken), {"status": MISSING})
    put(aws_backend, encode_upload(newer), {"status": "scanning"})
    aws_backend.uploads.create(upload, [])

    seen: list[str] = []
    while upload.id not in seen:
        seen += [change.item.id for change in next(batches) or [] if change.item.owner == owner]
    stop.set()

    assert seen == [newer.id, upload.id]


def test_an_item_that_became_unreadable_is_not_taken_for_removed(
    aws_backend: AwsBackend, owner: str
) -> None:
    stop = threading.Event()
    batches = aws_backend.feed.follow(stop)
    next(batches)
    upload, last = an_upload(owner, aws_backend.clock()), an_upload(owner, aws_backend.clock())
    aws_backend.uploads.create(upload, [])
    put(aws_backend, encode_upload(upload), {"status": MISSING})
    put(aws_backend, encode_upload(upload), {})
    aws_backend.uploads.create(last, [])

    changes: list[Any] = []
    while not changes or changes[-1].item.id != last.id:
        changes += [change for change in next(batches) or [] if change.item.owner == owner]
    stop.set()

    assert [change.item.id for change in changes] == [upload.id, upload.id, last.id]
    assert all(change.after is not None for change in changes)
