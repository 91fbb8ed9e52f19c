"""Follow changes by the feed, and by reading where the feed does not bring them."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from libs.core.domain.events import Change
from libs.core.domain.progress import Progress
from services.progress import broadcaster as broadcaster_module
from services.progress import follow_progress as stream_module
from tests.fakes import a_conversion
from tests.progress.support import (
    NEVER,
    FakeChangeFeed,
    FaultyProgressReader,
    ItemStore,
    ServiceHarness,
    eventually,
)

Serve = Callable[..., ServiceHarness]


@pytest.fixture
def silent(serve: Serve, fake_feed: FakeChangeFeed) -> ServiceHarness:
    """Start a service with a live feed that brings no changes by itself."""
    service = serve(fake_feed)
    fake_feed.bring()
    eventually(service.broadcaster.is_live)
    return service


def test_streams_poll_while_the_feed_is_down(
    serve: Serve, store: ItemStore, fake_feed: FakeChangeFeed
) -> None:
    upload = store.upload()
    service = serve(fake_feed)

    with service.follow() as stream:
        stream.next()
        store.uploads.add_parts(upload.id, 1)
        assert stream.next().id == f"{upload.id}:2"
        later = store.upload()
        assert stream.next().id == f"{later.id}:1"
        store.uploads.remove(upload.id, "somebody")
        assert (gone := stream.next()).name == "removed"
        assert gone.id == f"{upload.id}:3"


def test_the_setting_poll_uses_no_feed(
    serve: Serve, store: ItemStore, fake_feed: FakeChangeFeed
) -> None:
    upload = store.upload()
    service = serve(fake_feed, progress_feed="poll")
    fake_feed.bring()

    with service.follow(upload.id) as stream:
        stream.next()
        store.uploads.mark_uploaded(upload.id)
        assert [event.id for event in stream.rest()] == [f"{upload.id}:2"]
    assert not service.broadcaster.is_live()


def test_every_stream_reads_again_after_missed_changes(
    silent: ServiceHarness,
    store: ItemStore,
    fake_feed: FakeChangeFeed,
    reader: FaultyProgressReader,
) -> None:
    one, two = store.upload(), store.upload("other")
    with silent.follow() as first, silent.follow(owner="other") as second:
        first.next()
        second.next()
        eventually(lambda: reader.calls >= 4)
        store.uploads.add_parts(one.id, 1)
        store.uploads.add_parts(two.id, 1)
        fake_feed.miss()
        fake_feed.bring()

        assert first.next().id == f"{one.id}:2"
        assert second.next().id == f"{two.id}:2"


def test_streams_do_not_poll_with_a_live_feed(
    silent: ServiceHarness,
    store: ItemStore,
    reader: FaultyProgressReader,
    fake_feed: FakeChangeFeed,
) -> None:
    upload = store.upload()
    with silent.follow() as stream:
        stream.next()
        eventually(lambda: reader.calls >= 2)
        calls = reader.calls
        for version in range(2, 12):
            upload = replace(upload, version=version)
            fake_feed.bring(Change(None, upload))
            assert stream.next().id == f"{upload.id}:{version}"

        assert reader.calls == calls


def test_an_item_that_cannot_be_shown_hides_no_change_of_others(
    silent: ServiceHarness, store: ItemStore, fake_feed: FakeChangeFeed
) -> None:
    upload = store.upload()
    broken = replace(upload, completed_parts=frozenset({9999}))
    with silent.follow() as stream:
        stream.next()
        fake_feed.bring(Change(None, broken), Change(None, replace(upload, version=7)))

        assert stream.next().id == f"{upload.id}:7"


def test_a_silent_feed_counts_as_down(
    silent: ServiceHarness, store: ItemStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = store.upload()
    monkeypatch.setattr(broadcaster_module, "FEED_TIMEOUT", 0.0)

    with silent.follow() as stream:
        stream.next()
        store.uploads.add_parts(upload.id, 1)

        assert stream.next().id == f"{upload.id}:2"


def test_a_change_that_the_feed_lost_is_sent_later(
    silent: ServiceHarness,
    store: ItemStore,
    reader: FaultyProgressReader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream_module, "REFRESH_EVERY", 0.1)
    upload = store.upload()
    with silent.follow() as stream:
        stream.next()
        eventually(lambda: reader.calls >= 3)
        store.uploads.add_parts(upload.id, 1)

        assert stream.next().id == f"{upload.id}:2"


def test_an_item_missing_in_the_first_listing_is_sent_after_the_next(
    silent: ServiceHarness, store: ItemStore
) -> None:
    with silent.follow() as stream:
        upload = store.upload()

        assert stream.next().id == f"{upload.id}:1"


def test_an_error_in_the_feed_ends_neither_streams_nor_feed(
    silent: ServiceHarness, store: ItemStore, fake_feed: FakeChangeFeed
) -> None:
    upload = store.upload()
    with silent.follow() as stream:
        stream.next()
        fake_feed.fail()
        eventually(lambda: not silent.broadcaster.is_live())
        fake_feed.bring()
        eventually(silent.broadcaster.is_live)
        fake_feed.bring(Change(None, replace(upload, version=9)))

        assert stream.until(lambda event: event.id == f"{upload.id}:9")


def test_an_unreachable_table_ends_no_stream(
    serve: Serve, store: ItemStore, reader: FaultyProgressReader
) -> None:
    upload = store.upload()
    service = serve(progress_feed="poll", poll_every=0.02)
    with service.follow() as stream:
        stream.next()
        reader.away = True
        calls = reader.calls
        eventually(lambda: reader.calls >= calls + 3)
        store.uploads.add_parts(upload.id, 1)
        reader.away = False

        assert stream.next().id == f"{upload.id}:2"


def test_a_change_during_the_first_read_is_not_missed(
    silent: ServiceHarness,
    store: ItemStore,
    reader: FaultyProgressReader,
    fake_feed: FakeChangeFeed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The change comes between the read and its answer: only an earlier subscription gets it."""
    upload = store.upload()
    read = reader.of_owner

    def slow(owner: str) -> Sequence[Progress]:
        found = read(owner)
        fake_feed.bring(Change(upload, replace(upload, version=2)))
        monkeypatch.setattr(reader, "of_owner", read)
        return found

    monkeypatch.setattr(reader, "of_owner", slow)
    with silent.follow() as stream:
        assert [event.id for event in stream.take(2)] == [f"{upload.id}:1", f"{upload.id}:2"]


def test_a_queued_conversion_is_sent_with_its_queue_position(
    service: ServiceHarness, store: ItemStore
) -> None:
    upload = store.upload()
    conversion = store.conversions.create(a_conversion(upload), upload)
    with service.follow(conversion.id) as stream:
        stream.next()
        store.conversions.queue(conversion.id)

        event = stream.next()
    assert (event.data["phase"], event.data["queue_position"]) == ("queued", 1)


def test_a_changed_queue_position_is_sent_once_under_the_same_id(
    service: ServiceHarness, store: ItemStore
) -> None:
    ahead = store.queued("other", created_at=1.0)
    behind = store.queued("another", created_at=2.0)
    own = store.queued(created_at=3.0)
    with service.follow(own.id) as stream:
        first = stream.next()
        store.leases.claim(ahead.id, "worker", NEVER)
        second = stream.next()
        store.conversions.cancel(behind.id, "another")
        third = stream.next()
        store.leases.claim(own.id, "worker", NEVER)
        after = stream.next()

    assert [event.data["queue_position"] for event in (first, second, third)] == [3, 2, 1]
    assert {event.id for event in (first, second, third)} == {f"{own.id}:1"}
    assert (after.id, after.data["phase"]) == (f"{own.id}:2", "probing")


def test_queue_positions_are_read_only_after_the_queue_moved(
    service: ServiceHarness, store: ItemStore, reader: FaultyProgressReader
) -> None:
    own = store.queued()
    with service.follow(own.id) as stream:
        stream.next()
        eventually(lambda: reader.calls >= 2)
        calls = reader.calls
        for _ in range(5):
            other = store.upload("somebody")
            store.uploads.add_parts(other.id, 1)
        store.leases.claim(own.id, "worker", NEVER)
        stream.next()

    assert reader.calls == calls


def test_many_queued_conversions_get_their_queue_positions(
    service: ServiceHarness, store: ItemStore
) -> None:
    upload = store.upload()
    waiting = [
        store.conversions.create(a_conversion(upload, created_at=float(n)), upload)
        for n in range(1, 16)
    ]
    store.uploads.mark_uploaded(upload.id)
    with service.follow() as stream:
        stream.take(16)
        for conversion in waiting:
            store.conversions.queue(conversion.id)
        places: dict[str, int] = {}
        for event in stream:
            if "queue_position" in event.data:
                places[event.data["id"]] = event.data["queue_position"]
            if len(places) == len(waiting) and len(set(places.values())) == len(waiting):
                break

    assert [places[conversion.id] for conversion in waiting] == list(range(1, 16))


def test_many_queue_positions_are_read_without_the_items(
    service: ServiceHarness, store: ItemStore, reader: FaultyProgressReader
) -> None:
    ahead = store.queued("other", created_at=0.5)
    waiting = [store.queued(created_at=float(n)) for n in range(1, 16)]
    with service.follow() as stream:
        stream.take(30)
        eventually(lambda: reader.ended["of_owner"] == 2)
        before = reader.ended.copy()
        store.leases.claim(ahead.id, "worker", NEVER)

        places = {event.data["id"]: event.data["queue_position"] for event in stream.take(15)}
    assert places == {conversion.id: n for n, conversion in enumerate(waiting, 1)}
    assert reader.ended - before == {"positions": 1}
