"""What happens when the stream says that an item is gone."""

from dataclasses import replace

import pytest

from libs.core.domain.conversions import OutputUpload, output_key
from libs.core.domain.events import ConversionQueued, Event, FileUploaded, ItemRemoved
from libs.core.domain.ids import new_id
from libs.core.errors import StorageUnavailable
from libs.core.ports.inbox import Message
from services.janitor.use_cases import DeleteObjects, DeletionResult
from tests.fakes import a_conversion, an_upload
from tests.janitor.support import House


def message(*events: Event) -> Message:
    return Message(events, True, "receipt", 1)


def test_everything_of_a_removed_upload_is_erased(house: House) -> None:
    upload, other = house.upload(), house.upload()
    house.store(f"uploads/{upload.id}/notes")
    house.uploads.remove(upload.id, upload.owner)

    assert house.handle()(message(ItemRemoved(upload, expired=False)))
    assert house.keys == {other.key}


def test_multipart_uploads_of_a_removed_upload_are_aborted(house: House) -> None:
    """The one that the item names, and every other under its prefix."""
    upload = an_upload(now=house.clock())
    upload = replace(upload, multipart_id=house.begin(upload.key))
    house.begin(upload.key)
    other = house.begin(an_upload().key)

    assert house.handle()(message(ItemRemoved(upload, expired=False)))
    assert set(house.bucket.multiparts) == {other}


def test_a_multipart_upload_that_the_listing_does_not_show_yet_is_aborted_too(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = an_upload(now=house.clock())
    upload = replace(upload, multipart_id=house.begin(upload.key))
    conversion = a_conversion(upload)
    key = output_key(conversion.id, 1, "mp3")
    conversion = replace(conversion, output_upload=OutputUpload(key, house.begin(key), "recipe"))
    monkeypatch.setattr(house.multiparts, "list_open", lambda prefix: iter(()))

    assert house.handle()(
        message(ItemRemoved(upload, expired=False), ItemRemoved(conversion, expired=False))
    )
    assert not house.bucket.multiparts


def test_conversions_of_a_removed_upload_are_taken_away(house: House) -> None:
    upload = house.upload()
    conversion = house.completed(upload)
    stranger = house.completed(house.upload())
    upload = replace(
        house.uploads.get(upload.id), conversions=(conversion.id, stranger.id, new_id("conversion"))
    )
    house.uploads.remove(upload.id, upload.owner)

    assert house.handle()(message(ItemRemoved(upload, expired=True)))
    assert house.ids == {stranger.id, stranger.upload_id}


def test_everything_of_a_removed_conversion_is_erased_and_nothing_of_its_upload(
    house: House,
) -> None:
    upload = house.upload()
    conversion = house.completed(upload)
    house.store(output_key(conversion.id, 7, "mp3"))
    house.begin(output_key(conversion.id, 8, "mp3"))
    house.conversions.remove(conversion.id, conversion.owner)

    assert house.handle()(message(ItemRemoved(conversion, expired=False)))
    assert house.keys == {upload.key}
    assert not house.open_uploads


def test_an_old_record_that_comes_again_erases_nothing_of_a_living_item(house: House) -> None:
    conversion = house.completed(house.upload())
    before = house.keys

    assert house.handle()(message(ItemRemoved(conversion, expired=False)))
    assert house.keys == before


def test_the_same_message_again_does_no_harm(house: House) -> None:
    upload = house.upload()
    house.uploads.remove(upload.id, upload.owner)
    removed = message(ItemRemoved(upload, expired=False))

    assert house.handle()(removed)
    assert house.handle()(removed)
    assert not house.keys


def test_while_it_cannot_be_known_whether_an_item_lives_nothing_is_erased(house: House) -> None:
    upload = house.upload()
    house.table.delete(upload.id)
    house.items.unreadable.add(upload.id)

    with pytest.raises(StorageUnavailable):
        house.handle()(message(ItemRemoved(upload, expired=False)))
    assert house.keys == {upload.key}


def test_an_object_that_could_not_be_erased_leaves_the_message_undone(house: House) -> None:
    upload = house.upload()
    notes = house.store(f"uploads/{upload.id}/notes")
    house.table.delete(upload.id)
    house.objects.keeps.add(notes)

    assert not house.handle()(message(ItemRemoved(upload, expired=False)))
    assert house.keys == {notes}


def test_one_of_several_that_fails_does_not_keep_the_others(house: House) -> None:
    one, two = house.upload(), house.upload()
    house.table.delete(one.id)
    house.table.delete(two.id)
    house.objects.keeps.add(one.key)

    assert not house.handle()(
        message(ItemRemoved(one, expired=False), ItemRemoved(two, expired=False))
    )
    assert house.keys == {one.key}


@pytest.mark.parametrize("events", [(), (FileUploaded("upl_x"), ConversionQueued("cnv_x"))])
def test_messages_that_are_not_for_it_are_done(house: House, events: tuple[Event, ...]) -> None:
    upload = house.upload()

    assert house.handle()(message(*events))
    assert house.keys == {upload.key}


def test_it_counts_what_it_erases(house: House) -> None:
    upload = house.upload()
    house.store(f"uploads/{upload.id}/notes", 10)
    house.begin(upload.key)

    assert DeleteObjects(house.objects, house.multiparts)(upload) == DeletionResult(
        objects=2, bytes=13, multipart_uploads=1
    )


def test_a_dry_run_counts_the_same_and_erases_nothing(house: House) -> None:
    upload = house.upload()
    house.begin(upload.key)
    erase = DeleteObjects(house.objects, house.multiparts)

    assert erase(upload, dry_run=True) == DeletionResult(objects=1, bytes=3, multipart_uploads=1)
    assert house.keys == house.open_uploads == {upload.key}


def test_it_erases_more_than_one_call_takes(house: House) -> None:
    upload = house.upload()
    for number in range(2500):
        house.store(f"uploads/{upload.id}/{number}", 1)

    assert DeleteObjects(house.objects, house.multiparts)(upload) == DeletionResult(
        objects=2501, bytes=2503
    )
    assert not house.keys


def test_an_output_completed_while_it_is_erased_is_erased_too(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that does not know yet completes its upload at the very moment it is to be aborted."""
    upload = an_upload(now=house.clock())
    conversion = a_conversion(upload)
    key = output_key(conversion.id, 1, "mp3")
    house.begin(key)

    def too_late(aborted_key: str, multipart_id: str) -> None:
        house.multiparts.complete(
            aborted_key, multipart_id, house.multiparts.list_parts(aborted_key, multipart_id)
        )

    monkeypatch.setattr(house.multiparts, "abort", too_late)

    assert house.handle()(message(ItemRemoved(conversion, expired=False)))
    assert not house.keys
