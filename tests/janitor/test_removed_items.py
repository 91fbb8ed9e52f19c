"""Test what follows a REMOVE record of the stream."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from libs.core.domain.conversions import OutputUpload, output_key
from libs.core.domain.events import ConversionQueued, Event, FileUploaded, ItemRemoved
from libs.core.domain.ids import new_id
from libs.core.errors import StorageUnavailable
from libs.core.ports.inbox import Message
from libs.core.ports.multipart_uploads import OpenMultipartUpload
from services.janitor import deletion
from services.janitor.deletion import DeletionResult
from tests.fakes import a_conversion, an_upload
from tests.fault_injection import record_calls
from tests.janitor.support import JanitorEnvironment


def handle(env: JanitorEnvironment, *events: Event) -> bool:
    """Handle one message with these events, and return True if it is done."""
    message = Message(events, True, "receipt", 1)
    return env.handler()([message]) == [message]


def test_everything_of_a_removed_upload_is_deleted(env: JanitorEnvironment) -> None:
    upload, other = env.add_upload(), env.add_upload()
    env.store_object(f"uploads/{upload.id}/notes")
    env.uploads.remove(upload.id, upload.owner)

    assert handle(env, ItemRemoved(upload, expired=False))
    assert env.keys == {other.key}


def test_of_thousands_of_objects_some_are_left_to_the_sweep(
    env: JanitorEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them would not fit into memory."""
    monkeypatch.setattr(deletion, "MAX_OBJECTS_OF_ITEM", 3)
    upload = env.add_upload()
    for number in range(4):
        env.store_object(f"uploads/{upload.id}/{number}")
    env.uploads.remove(upload.id, upload.owner)

    assert handle(env, ItemRemoved(upload, expired=False))
    assert len(env.keys) == 2


def test_multipart_uploads_of_a_removed_upload_are_aborted(env: JanitorEnvironment) -> None:
    """Also those under its prefix that the item does not name."""
    upload = an_upload(now=env.clock())
    upload = replace(upload, multipart_id=env.open_multipart(upload.key))
    env.open_multipart(upload.key)
    other = env.open_multipart(an_upload().key)

    assert handle(env, ItemRemoved(upload, expired=False))
    assert set(env.bucket.multiparts) == {other}


def test_a_multipart_upload_that_the_listing_does_not_show_yet_is_aborted_too(
    env: JanitorEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = an_upload(now=env.clock())
    upload = replace(upload, multipart_id=env.open_multipart(upload.key))
    conversion = a_conversion(upload)
    key = output_key(conversion.id, 1, "mp3")
    conversion = replace(
        conversion, output_upload=OutputUpload(key, env.open_multipart(key), "fingerprint")
    )
    monkeypatch.setattr(env.multiparts, "list_open", lambda prefix: iter(()))

    assert handle(env, ItemRemoved(upload, expired=False), ItemRemoved(conversion, expired=False))
    assert not env.bucket.multiparts


def test_conversions_of_a_removed_upload_are_taken_away(env: JanitorEnvironment) -> None:
    upload = env.add_upload()
    conversion = env.add_completed(upload)
    stranger = env.add_completed(env.add_upload())
    upload = replace(
        env.uploads.get(upload.id), conversions=(conversion.id, stranger.id, new_id("conversion"))
    )
    env.uploads.remove(upload.id, upload.owner)

    assert handle(env, ItemRemoved(upload, expired=True))
    assert env.ids == {stranger.id, stranger.upload_id}


def test_a_removed_conversion_is_deleted_and_its_upload_is_kept(
    env: JanitorEnvironment,
) -> None:
    upload = env.add_upload()
    conversion = env.add_completed(upload)
    env.store_object(output_key(conversion.id, 7, "mp3"))
    env.open_multipart(output_key(conversion.id, 8, "mp3"))
    env.conversions.remove(conversion.id, conversion.owner)

    assert handle(env, ItemRemoved(conversion, expired=False))
    assert env.keys == {upload.key}
    assert not env.open_uploads


def test_an_old_record_that_comes_again_deletes_nothing_of_an_item(
    env: JanitorEnvironment,
) -> None:
    upload = env.add_upload()
    conversion = env.add_completed(upload)
    upload = env.uploads.get(upload.id)
    before = env.keys

    assert handle(env, *(ItemRemoved(item, expired=False) for item in (upload, conversion)))
    assert env.keys == before
    assert env.conversions.get(conversion.id) == conversion


def test_the_same_message_again_does_no_harm(env: JanitorEnvironment) -> None:
    upload = env.add_upload()
    env.uploads.remove(upload.id, upload.owner)
    removed = ItemRemoved(upload, expired=False)

    assert handle(env, removed)
    assert handle(env, removed)
    assert not env.keys


def test_while_it_cannot_be_known_whether_an_item_lives_nothing_is_deleted(
    env: JanitorEnvironment,
) -> None:
    upload = env.add_upload()
    env.table.delete(upload.id)
    env.items.unreadable.add(upload.id)

    with pytest.raises(StorageUnavailable):
        handle(env, ItemRemoved(upload, expired=False))
    assert env.keys == {upload.key}


def test_an_object_that_could_not_be_deleted_leaves_the_message_undone(
    env: JanitorEnvironment,
) -> None:
    upload = env.add_upload()
    notes = env.store_object(f"uploads/{upload.id}/notes")
    env.table.delete(upload.id)
    env.objects.undeletable.add(notes)

    assert not handle(env, ItemRemoved(upload, expired=False))
    assert env.keys == {notes}


def test_one_of_several_that_fails_does_not_keep_the_others(env: JanitorEnvironment) -> None:
    one, two = env.add_upload(), env.add_upload()
    env.table.delete(one.id)
    env.table.delete(two.id)
    env.objects.undeletable.add(one.key)

    assert not handle(env, ItemRemoved(one, expired=False), ItemRemoved(two, expired=False))
    assert env.keys == {one.key}


@pytest.mark.parametrize("events", [(), (FileUploaded("upl_x"), ConversionQueued("cnv_x"))])
def test_messages_that_are_not_for_it_are_done(
    env: JanitorEnvironment, events: tuple[Event, ...]
) -> None:
    upload = env.add_upload()

    assert handle(env, *events)
    assert env.keys == {upload.key}


def test_deleted_objects_are_counted(env: JanitorEnvironment) -> None:
    upload = env.add_upload()
    env.store_object(f"uploads/{upload.id}/notes", 10)
    env.open_multipart(upload.key)
    env.table.delete(upload.id)

    assert env.container().delete_objects()([upload]) == DeletionResult(
        objects=2, bytes=13, multipart_uploads=1
    )


def test_more_objects_than_one_call_takes_are_deleted(env: JanitorEnvironment) -> None:
    upload = env.add_upload()
    for number in range(2500):
        env.store_object(f"uploads/{upload.id}/{number}", 1)
    env.table.delete(upload.id)
    calls = record_calls(env.objects, "delete")

    assert env.container().delete_objects()([upload]) == DeletionResult(objects=2501, bytes=2503)
    assert not env.keys
    assert len(calls) == 3


def test_the_objects_of_ten_items_are_deleted_by_one_call(env: JanitorEnvironment) -> None:
    removed = [env.add_upload() for _ in range(10)]
    for upload in removed:
        env.table.delete(upload.id)
    messages = [
        Message((ItemRemoved(upload, expired=False),), True, f"receipt-{number}", 1)
        for number, upload in enumerate(removed)
    ]
    env.objects.undeletable.add(removed[3].key)
    calls = record_calls(env.objects, "delete")

    done = env.handler()(messages)

    assert len(calls) == 1
    assert env.keys == {removed[3].key}
    assert done == [message for message in messages if message is not messages[3]]


def test_a_removed_item_whose_parts_cannot_be_listed_stays_undone_alone(
    env: JanitorEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = env.add_upload(), env.add_upload()
    env.table.delete(one.id)
    env.table.delete(two.id)
    list_open = env.multiparts.list_open

    def fail_for_one(prefix: str) -> Iterator[OpenMultipartUpload]:
        if one.id in prefix:
            raise StorageUnavailable("Unavailable.", retry_after=2)
        return list_open(prefix)

    monkeypatch.setattr(env.multiparts, "list_open", fail_for_one)
    messages = [
        Message((ItemRemoved(upload, expired=False),), True, upload.id, 1) for upload in (one, two)
    ]

    assert env.handler()(messages) == messages[1:]


def test_an_output_completed_while_it_is_deleted_is_deleted_too(
    env: JanitorEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that does not know yet completes its upload when it is to be aborted."""
    upload = an_upload(now=env.clock())
    conversion = a_conversion(upload)
    key = output_key(conversion.id, 1, "mp3")
    env.open_multipart(key)

    def too_late(aborted_key: str, multipart_id: str) -> None:
        env.multiparts.complete(
            aborted_key, multipart_id, env.multiparts.list_parts(aborted_key, multipart_id)
        )

    monkeypatch.setattr(env.multiparts, "abort", too_late)

    assert handle(env, ItemRemoved(conversion, expired=False))
    assert not env.keys


def test_an_upload_created_again_while_the_old_one_is_deleted_stays(
    env: JanitorEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its id comes from an Idempotency-Key, and the janitor has looked for it before."""
    removed = env.add_upload()
    env.table.delete(removed.id)
    env.clock.advance(1)
    list_open = env.multiparts.list_open

    def create_again(prefix: str) -> Iterator[OpenMultipartUpload]:
        monkeypatch.setattr(env.multiparts, "list_open", list_open)
        env.add_upload(id=removed.id)
        return list_open(prefix)

    monkeypatch.setattr(env.multiparts, "list_open", create_again)

    assert handle(env, ItemRemoved(removed, expired=False))
    assert env.keys == {removed.key}
    assert removed.id in env.ids


def test_the_parts_of_an_upload_that_is_just_being_created_again_stay(
    env: JanitorEnvironment,
) -> None:
    """A multipart upload is begun before its item is written."""
    removed = an_upload(now=env.clock())
    removed = replace(removed, multipart_id=env.open_multipart(removed.key))
    env.clock.advance(1)
    begun = env.open_multipart(removed.key)

    assert handle(env, ItemRemoved(removed, expired=False))
    assert set(env.bucket.multiparts) == {begun}
