"""Event streams of clients that come back with a Last-Event-ID: nothing twice, nothing missed."""

import pytest

from libs.core.domain.ids import new_id
from tests.progress.support import Event, Service, World, eventually, shown


def test_who_has_seen_the_end_is_told_not_to_come_back(service: Service, world: World) -> None:
    upload = world.upload()
    world.uploads.mark_uploaded(upload.id)

    with service.follow(upload.id, last=f"{upload.id}:2") as stream:
        assert stream.response.status_code == 204
    assert service.broadcaster.count() == 0


def test_who_comes_back_is_not_told_again_what_he_was_told(service: Service, world: World) -> None:
    upload = world.upload()

    with service.follow(upload.id, last=f"{upload.id}:1") as stream:
        eventually(lambda: service.broadcaster.count() == 1)
        world.uploads.add_part(upload.id, 1)

        assert shown([stream.next()]) == [("progress", f"{upload.id}:2")]


def test_who_comes_back_misses_nothing_newer(service: Service, world: World) -> None:
    upload = world.upload()
    world.uploads.add_part(upload.id, 1)
    world.uploads.add_part(upload.id, 2)

    with service.follow(upload.id, last=f"{upload.id}:1") as stream:
        assert shown([stream.next()]) == [("progress", f"{upload.id}:3")]


def test_who_comes_back_to_everything_hears_of_the_others_again(
    service: Service, world: World
) -> None:
    known, other = world.upload(), world.upload()

    with service.follow(last=f"{known.id}:1") as stream:
        first = stream.next()
        world.uploads.add_part(known.id, 1)

        assert shown([first, stream.next()]) == [
            ("progress", f"{other.id}:1"),
            ("progress", f"{known.id}:2"),
        ]


def test_who_comes_back_hears_that_the_last_he_was_told_of_is_gone(
    service: Service, world: World
) -> None:
    item_id = new_id("conversion")

    with service.follow(last=f"{item_id}:4") as stream:
        assert stream.next() == Event(
            "removed", f"{item_id}:5", {"id": item_id, "kind": "conversion"}
        )


def test_who_comes_back_hears_of_all_that_was_removed_meanwhile_and_of_it_once(
    service: Service, world: World
) -> None:
    stays, goes, foreign = world.upload(), world.upload(), world.upload("somebody else")
    with service.follow() as stream:
        stream.take(2)
    world.uploads.remove(goes.id, "somebody")
    world.uploads.remove(foreign.id, "somebody else")

    with service.follow(last=f"{stays.id}:1") as stream:
        removed = stream.next()
    with service.follow(last=removed.id) as stream:
        after = stream.next()

    assert shown([removed, after]) == [("removed", f"{goes.id}:2"), ("progress", f"{stays.id}:1")]


@pytest.mark.parametrize(
    "last",
    [
        "",
        "nonsense",
        "upl_x:1",
        ":",
        "{id}",
        "{id}:",
        "{id}:one",
        "{id}:²",
        "{id}:-1",
        "{id}:" + "9" * 40,
    ],
)
def test_a_last_event_id_that_is_none_of_ours_is_passed_over(
    service: Service, world: World, last: str
) -> None:
    upload = world.upload()

    with service.follow(upload.id, last=last.format(id=upload.id)) as stream:
        assert shown([stream.next()]) == [("progress", f"{upload.id}:1")]
