"""Event streams: what they begin with and what they bring."""

from collections.abc import Callable

from libs.core.domain.events import Change
from tests.fakes import a_conversion
from tests.progress.support import Event, Scripted, Service, World, eventually, shown

Serve = Callable[..., Service]


def of(item_id: str, version: int) -> Callable[[Event], bool]:
    return lambda event: event.id == f"{item_id}:{version}"


def test_a_stream_says_what_it_is_and_that_nothing_may_hold_it_back(service: Service) -> None:
    with service.follow() as stream:
        headers = stream.response.headers

    assert stream.response.status_code == 200
    assert headers["content-type"] == "text/event-stream"
    assert headers["cache-control"] == "no-store"
    assert headers["x-accel-buffering"] == "no"


def test_it_begins_with_the_time_to_reconnect_and_the_present_states(
    service: Service, world: World
) -> None:
    upload, conversion = world.upload(), world.queued()

    with service.follow() as stream:
        events = stream.take(3)

    assert stream.retry == 1000
    assert {event.name for event in events} == {"progress"}
    assert {f"{upload.id}:1", f"{conversion.id}:1"} < {event.id for event in events}


def test_an_event_carries_what_a_poll_would_show(service: Service, world: World) -> None:
    conversion = world.queued()

    with service.follow(conversion.id) as stream:
        event = stream.next()

    assert event.data == service.client().get(f"/api/progress/{conversion.id}").json()


def test_every_change_comes_in_order(service: Service, world: World) -> None:
    upload = world.upload()

    with service.follow() as stream:
        first = stream.next()
        seen = [first]
        for number in (2, 1, 3):
            world.uploads.add_part(upload.id, number)
            seen.append(stream.next())
        world.uploads.mark_uploaded(upload.id)
        seen.append(stream.next())

    assert shown(seen) == [("progress", f"{upload.id}:{version}") for version in (1, 2, 3, 4, 5)]
    assert [event.data["percent"] for event in seen] == sorted(
        event.data["percent"] for event in seen
    )
    assert seen[-1].data["status"] == "uploaded"


def test_what_is_created_later_is_in_it(service: Service, world: World) -> None:
    with service.follow() as stream:
        eventually(lambda: service.broadcaster.count() == 1)
        upload = world.upload()

        assert shown([stream.next()]) == [("progress", f"{upload.id}:1")]


def test_what_is_removed_is_said_to_be_gone(service: Service, world: World) -> None:
    upload = world.upload()

    with service.follow() as stream:
        stream.next()
        world.uploads.remove(upload.id, "somebody")

        assert stream.next() == Event(
            "removed", f"{upload.id}:2", {"id": upload.id, "kind": "upload"}
        )


def test_nobody_hears_of_somebody_elses_items(service: Service, world: World) -> None:
    with service.follow() as stream:
        eventually(lambda: service.broadcaster.count() == 1)
        foreign = world.upload("somebody else")
        world.uploads.add_part(foreign.id, 1)
        world.uploads.remove(foreign.id, "somebody else")
        own = world.upload()

        assert shown([stream.next()]) == [("progress", f"{own.id}:1")]


def test_a_browser_that_is_new_here_gets_its_session_by_the_stream(service: Service) -> None:
    with service.follow(owner=None) as stream:
        assert "session=" in stream.response.headers["set-cookie"]


def test_the_stream_of_one_item_brings_no_other_and_ends_with_its_end(
    service: Service, world: World
) -> None:
    upload = world.upload()

    with service.follow(upload.id) as stream:
        stream.next()
        world.upload()
        world.uploads.mark_uploaded(upload.id)
        rest = stream.rest()

    assert shown(rest) == [("progress", f"{upload.id}:2")]


def test_the_stream_of_one_item_ends_when_it_is_removed(service: Service, world: World) -> None:
    upload = world.upload()

    with service.follow(upload.id) as stream:
        stream.next()
        world.uploads.remove(upload.id, "somebody")

        assert shown(stream.rest()) == [("removed", f"{upload.id}:2")]


def test_of_an_item_that_has_ended_it_shows_the_end_and_ends(
    service: Service, world: World
) -> None:
    upload = world.upload()
    world.uploads.mark_uploaded(upload.id)

    with service.follow(upload.id) as stream:
        assert shown(stream.rest()) == [("progress", f"{upload.id}:2")]


def test_changes_that_come_late_twice_or_in_disorder_bring_nothing_old(
    serve: Serve, world: World, scripted: Scripted
) -> None:
    service = serve(scripted)
    one = world.upload()
    two, three = world.uploads.add_part(one.id, 1), world.uploads.add_part(one.id, 2)
    four = world.uploads.add_part(one.id, 3)
    scripted.bring()

    with service.follow(one.id) as stream:
        stream.until(of(one.id, 4))
        scripted.bring(Change(two, three), Change(one, two), Change(three, four))
        scripted.bring(Change(three, four))
        scripted.bring(Change(four, None))

        assert shown(stream.rest()) == [("removed", f"{one.id}:5")]


def test_an_item_that_is_removed_and_made_anew_under_its_id_is_shown_anew(
    service: Service, world: World
) -> None:
    conversion = world.queued()
    upload = world.uploads.get(conversion.upload_id)

    with service.follow() as stream:
        stream.take(2)
        world.conversions.remove(conversion.id, "somebody")
        assert shown([stream.next()]) == [("removed", f"{conversion.id}:2")]
        world.conversions.create(
            a_conversion(upload, id=conversion.id, created_at=conversion.created_at + 1), upload
        )

        assert shown(stream.until(of(conversion.id, 1)))[-1] == ("progress", f"{conversion.id}:1")


def test_an_expired_item_is_not_shown(service: Service, world: World) -> None:
    expired, other = world.upload(expires_at=1), world.upload()

    with service.follow() as stream:
        assert shown([stream.next()]) == [("progress", f"{other.id}:1")]
    assert service.client().get(f"/api/progress/{expired.id}").status_code == 404


def test_its_parts_are_written_at_once(service: Service, world: World) -> None:
    """Two hundred states come in a few pieces, and whole."""
    uploads = {f"{world.upload().id}:1" for _ in range(200)}

    with service.follow() as stream:
        assert {event.id for event in stream.take(200)} == uploads
