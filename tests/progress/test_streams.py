"""Send the present state and each change in an event stream."""

from collections.abc import Callable

import pytest

from libs.core.domain.events import Change
from tests.fakes import a_conversion
from tests.progress.support import (
    Event,
    FakeChangeFeed,
    ItemStore,
    ServiceHarness,
    eventually,
    names_and_ids,
)

Serve = Callable[..., ServiceHarness]


def of(item_id: str, version: int) -> Callable[[Event], bool]:
    return lambda event: event.id == f"{item_id}:{version}"


def test_a_stream_has_headers_against_caching_and_buffering(service: ServiceHarness) -> None:
    with service.follow() as stream:
        headers = stream.response.headers

    assert stream.response.status_code == 200
    assert headers["content-type"] == "text/event-stream"
    assert headers["cache-control"] == "no-store"
    assert headers["x-accel-buffering"] == "no"


def test_a_stream_begins_with_retry_and_the_present_states(
    service: ServiceHarness, store: ItemStore
) -> None:
    upload, conversion = store.upload(), store.queued()

    with service.follow() as stream:
        events = stream.take(3)

    assert stream.retry == 1000
    assert {event.name for event in events} == {"progress"}
    assert {f"{upload.id}:1", f"{conversion.id}:1"} < {event.id for event in events}


def test_an_event_has_the_data_of_a_poll(service: ServiceHarness, store: ItemStore) -> None:
    conversion = store.queued()

    with service.follow(conversion.id) as stream:
        event = stream.next()

    assert event.data == service.client().get(f"/api/progress/{conversion.id}").json()


def test_changes_are_sent_in_order(service: ServiceHarness, store: ItemStore) -> None:
    upload = store.upload()

    with service.follow() as stream:
        first = stream.next()
        seen = [first]
        for number in (2, 1, 3):
            store.uploads.add_parts(upload.id, number)
            seen.append(stream.next())
        store.uploads.mark_uploaded(upload.id)
        seen.append(stream.next())

    assert names_and_ids(seen) == [
        ("progress", f"{upload.id}:{version}") for version in (1, 2, 3, 4, 5)
    ]
    assert [event.data["percent"] for event in seen] == sorted(
        event.data["percent"] for event in seen
    )
    assert seen[-1].data["status"] == "uploaded"


def test_a_new_item_is_sent(service: ServiceHarness, store: ItemStore) -> None:
    with service.follow() as stream:
        eventually(lambda: service.broadcaster.count() == 1)
        upload = store.upload()

        assert names_and_ids([stream.next()]) == [("progress", f"{upload.id}:1")]


def test_a_removal_is_sent(service: ServiceHarness, store: ItemStore) -> None:
    upload = store.upload()

    with service.follow() as stream:
        stream.next()
        store.uploads.remove(upload.id, "somebody")

        assert stream.next() == Event(
            "removed", f"{upload.id}:2", {"id": upload.id, "kind": "upload"}
        )


def test_items_of_another_owner_are_not_sent(service: ServiceHarness, store: ItemStore) -> None:
    with service.follow() as stream:
        eventually(lambda: service.broadcaster.count() == 1)
        foreign = store.upload("somebody else")
        store.uploads.add_parts(foreign.id, 1)
        store.uploads.remove(foreign.id, "somebody else")
        own = store.upload()

        assert names_and_ids([stream.next()]) == [("progress", f"{own.id}:1")]


def test_a_stream_sets_the_session_cookie_of_a_new_browser(service: ServiceHarness) -> None:
    with service.follow(owner=None) as stream:
        assert "session=" in stream.response.headers["set-cookie"]


def test_the_stream_of_one_item_ends_with_the_item(
    service: ServiceHarness, store: ItemStore
) -> None:
    upload = store.upload()

    with service.follow(upload.id) as stream:
        stream.next()
        store.upload()
        store.uploads.mark_uploaded(upload.id)
        rest = stream.rest()

    assert names_and_ids(rest) == [("progress", f"{upload.id}:2")]


def test_the_stream_of_one_item_ends_when_it_is_removed(
    service: ServiceHarness, store: ItemStore
) -> None:
    upload = store.upload()

    with service.follow(upload.id) as stream:
        stream.next()
        store.uploads.remove(upload.id, "somebody")

        assert names_and_ids(stream.rest()) == [("removed", f"{upload.id}:2")]


def test_the_stream_of_an_ended_item_sends_the_end_and_ends(
    service: ServiceHarness, store: ItemStore
) -> None:
    upload = store.upload()
    store.uploads.mark_uploaded(upload.id)

    with service.follow(upload.id) as stream:
        assert names_and_ids(stream.rest()) == [("progress", f"{upload.id}:2")]


@pytest.mark.parametrize("delivered", [(2, 1), (1, 2), (3,), (3, 3), (3, 1)])
def test_late_repeated_or_unordered_changes_send_nothing_old(
    serve: Serve, store: ItemStore, fake_feed: FakeChangeFeed, delivered: tuple[int, ...]
) -> None:
    """Each change is named by its old version. The last one that was sent is that from 3 to 4."""
    service = serve(fake_feed)
    one = store.upload()
    two, three = store.uploads.add_parts(one.id, 1), store.uploads.add_parts(one.id, 2)
    four = store.uploads.add_parts(one.id, 3)
    fake_feed.bring()

    with service.follow(one.id) as stream:
        stream.until(of(one.id, 4))
        changes = {1: Change(one, two), 2: Change(two, three), 3: Change(three, four)}
        fake_feed.bring(*(changes[version] for version in delivered))
        fake_feed.bring(Change(four, None))

        assert names_and_ids(stream.rest()) == [("removed", f"{one.id}:5")]


def test_an_item_created_again_under_its_id_is_sent_again(
    service: ServiceHarness, store: ItemStore
) -> None:
    conversion = store.queued()
    upload = store.uploads.get(conversion.upload_id)

    with service.follow() as stream:
        stream.take(2)
        store.conversions.remove(conversion.id, "somebody")
        assert names_and_ids([stream.next()]) == [("removed", f"{conversion.id}:2")]
        store.conversions.create(
            a_conversion(upload, id=conversion.id, created_at=conversion.created_at + 1), upload
        )

        assert names_and_ids(stream.until(of(conversion.id, 1)))[-1] == (
            "progress",
            f"{conversion.id}:1",
        )


def test_an_expired_item_is_not_sent(service: ServiceHarness, store: ItemStore) -> None:
    expired, other = store.upload(expires_at=1), store.upload()

    with service.follow() as stream:
        assert names_and_ids([stream.next()]) == [("progress", f"{other.id}:1")]
    assert service.client().get(f"/api/progress/{expired.id}").status_code == 404


def test_many_events_are_written_together(service: ServiceHarness, store: ItemStore) -> None:
    """Two hundred states arrive in few blocks."""
    uploads = {f"{store.upload().id}:1" for _ in range(200)}

    with service.follow() as stream:
        assert {event.id for event in stream.take(200)} == uploads
