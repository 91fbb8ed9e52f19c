"""Where changes come from, and what stands in where they do not come."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from libs.core.domain.events import Change
from libs.core.domain.progress import Progress
from services.progress import broadcaster as broadcaster_module
from services.progress import event_stream as stream_module
from tests.fakes import a_conversion
from tests.progress.support import NEVER, Faulty, Scripted, Service, World, eventually

Serve = Callable[..., Service]


@pytest.fixture
def silent(serve: Serve, scripted: Scripted) -> Service:
    """A service with a feed that is live and brings nothing by itself."""
    service = serve(scripted)
    scripted.bring()
    eventually(service.broadcaster.is_live)
    return service


def test_while_the_feed_is_away_streams_read_again_and_again(
    serve: Serve, world: World, scripted: Scripted
) -> None:
    upload = world.upload()
    service = serve(scripted)

    with service.follow() as stream:
        stream.next()
        world.uploads.add_part(upload.id, 1)
        assert stream.next().id == f"{upload.id}:2"
        later = world.upload()
        assert stream.next().id == f"{later.id}:1"
        world.uploads.remove(upload.id, "somebody")
        assert (gone := stream.next()).name == "removed"
        assert gone.id == f"{upload.id}:3"


def test_by_setting_there_is_no_feed_at_all(serve: Serve, world: World, scripted: Scripted) -> None:
    upload = world.upload()
    service = serve(scripted, progress_feed="poll")
    scripted.bring()

    with service.follow(upload.id) as stream:
        stream.next()
        world.uploads.mark_uploaded(upload.id)
        assert [event.id for event in stream.rest()] == [f"{upload.id}:2"]
    assert not service.broadcaster.is_live()


def test_where_changes_may_have_been_missed_every_stream_reads_anew(
    silent: Service, world: World, scripted: Scripted, reader: Faulty
) -> None:
    one, two = world.upload(), world.upload("other")
    with silent.follow() as first, silent.follow(owner="other") as second:
        first.next()
        second.next()
        eventually(lambda: reader.asked >= 4)
        world.uploads.add_part(one.id, 1)
        world.uploads.add_part(two.id, 1)
        scripted.miss()
        scripted.bring()

        assert first.next().id == f"{one.id}:2"
        assert second.next().id == f"{two.id}:2"


def test_with_a_live_feed_nothing_is_read_again_and_again(
    silent: Service, world: World, reader: Faulty, scripted: Scripted
) -> None:
    upload = world.upload()
    with silent.follow() as stream:
        stream.next()
        eventually(lambda: reader.asked >= 2)
        asked = reader.asked
        for version in range(2, 12):
            upload = replace(upload, version=version)
            scripted.bring(Change(None, upload))
            assert stream.next().id == f"{upload.id}:{version}"

        assert reader.asked == asked


def test_a_feed_that_falls_silent_counts_as_away(
    silent: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = world.upload()
    monkeypatch.setattr(broadcaster_module, "FEED_TIMEOUT", 0.0)

    with silent.follow() as stream:
        stream.next()
        world.uploads.add_part(upload.id, 1)

        assert stream.next().id == f"{upload.id}:2"


def test_a_change_that_the_feed_lost_shows_in_the_end(
    silent: Service, world: World, reader: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "REFRESH_EVERY", 0.1)
    upload = world.upload()
    with silent.follow() as stream:
        stream.next()
        eventually(lambda: reader.asked >= 3)
        world.uploads.add_part(upload.id, 1)

        assert stream.next().id == f"{upload.id}:2"


def test_an_item_whose_listing_was_a_moment_behind_shows_by_the_read_that_follows(
    silent: Service, world: World
) -> None:
    with silent.follow() as stream:
        upload = world.upload()

        assert stream.next().id == f"{upload.id}:1"


def test_a_fault_of_the_feed_ends_neither_streams_nor_the_feed(
    silent: Service, world: World, scripted: Scripted
) -> None:
    upload = world.upload()
    with silent.follow() as stream:
        stream.next()
        scripted.fail()
        eventually(lambda: not silent.broadcaster.is_live())
        scripted.bring()
        eventually(silent.broadcaster.is_live)
        scripted.bring(Change(None, replace(upload, version=9)))

        assert stream.until(lambda event: event.id == f"{upload.id}:9")


def test_the_table_going_away_mid_stream_ends_no_stream(
    serve: Serve, world: World, reader: Faulty
) -> None:
    upload = world.upload()
    service = serve(progress_feed="poll", poll_every=0.02)
    with service.follow() as stream:
        stream.next()
        reader.away = True
        asked = reader.asked
        eventually(lambda: reader.asked >= asked + 3)
        world.uploads.add_part(upload.id, 1)
        reader.away = False

        assert stream.next().id == f"{upload.id}:2"


def test_what_changes_while_the_present_state_is_read_is_not_missed(
    silent: Service,
    world: World,
    reader: Faulty,
    scripted: Scripted,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The change comes after the read and before its answer: only who subscribed first hears of it."""
    upload = world.upload()
    read = reader.of_owner

    def slow(owner: str) -> Sequence[Progress]:
        found = read(owner)
        scripted.bring(Change(upload, replace(upload, version=2)))
        monkeypatch.setattr(reader, "of_owner", read)
        return found

    monkeypatch.setattr(reader, "of_owner", slow)
    with silent.follow() as stream:
        assert [event.id for event in stream.take(2)] == [f"{upload.id}:1", f"{upload.id}:2"]


def test_a_place_in_the_queue_is_told_with_the_news_of_being_queued(
    service: Service, world: World
) -> None:
    upload = world.upload()
    conversion = world.conversions.create(a_conversion(upload), upload)
    with service.follow(conversion.id) as stream:
        stream.next()
        world.conversions.queue(conversion.id)

        event = stream.next()
    assert (event.data["phase"], event.data["queue_position"]) == ("queued", 1)


def test_a_place_that_changed_is_told_under_the_same_id_and_once(
    service: Service, world: World
) -> None:
    ahead = world.queued("other", created_at=1.0)
    behind = world.queued("other", created_at=2.0)
    own = world.queued(created_at=3.0)
    with service.follow(own.id) as stream:
        first = stream.next()
        world.leases.claim(ahead.id, "worker", NEVER)
        second = stream.next()
        world.conversions.cancel(behind.id, "other")
        third = stream.next()
        world.leases.claim(own.id, "worker", NEVER)
        after = stream.next()

    assert [event.data["queue_position"] for event in (first, second, third)] == [3, 2, 1]
    assert {event.id for event in (first, second, third)} == {f"{own.id}:1"}
    assert (after.id, after.data["phase"]) == (f"{own.id}:2", "probing")


def test_without_a_move_in_the_queue_nobody_asks_for_places(
    service: Service, world: World, reader: Faulty
) -> None:
    own = world.queued()
    with service.follow(own.id) as stream:
        stream.next()
        eventually(lambda: reader.asked >= 2)
        asked = reader.asked
        for _ in range(5):
            other = world.upload("somebody")
            world.uploads.add_part(other.id, 1)
        world.leases.claim(own.id, "worker", NEVER)
        stream.next()

    assert reader.asked == asked


def test_many_that_are_queued_at_once_get_their_places(service: Service, world: World) -> None:
    upload = world.upload()
    waiting = [
        world.conversions.create(a_conversion(upload, created_at=float(n)), upload)
        for n in range(1, 16)
    ]
    world.uploads.mark_uploaded(upload.id)
    with service.follow() as stream:
        stream.take(16)
        for conversion in waiting:
            world.conversions.queue(conversion.id)
        places: dict[str, int] = {}
        for event in stream:
            if "queue_position" in event.data:
                places[event.data["id"]] = event.data["queue_position"]
            if len(places) == len(waiting) and len(set(places.values())) == len(waiting):
                break

    assert [places[conversion.id] for conversion in waiting] == list(range(1, 16))
