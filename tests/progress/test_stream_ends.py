"""Event streams: how long they last, how many there may be, and how they end."""

from collections.abc import Callable
from threading import Event as Flag

import pytest

from libs.core.domain.progress import Progress
from tests.progress.support import Faulty, Service, World, eventually, shown

Serve = Callable[..., Service]


def test_silence_is_broken_by_comments(serve: Serve) -> None:
    with serve(heartbeat=0.05).follow() as stream:
        assert {event.name for event in stream.take(3)} == {"comment"}


def test_a_stream_ends_cleanly_when_its_time_is_over(serve: Serve, world: World) -> None:
    upload = world.upload()

    with serve(stream_lifetime=0.3).follow() as stream:
        assert shown(stream.rest()) == [("progress", f"{upload.id}:1")]


def test_a_session_has_a_limit_of_streams_and_others_do_not_feel_it(serve: Serve) -> None:
    service = serve(streams_per_session=2)

    with (
        service.follow(),
        service.follow(),
        service.follow() as third,
        service.follow(owner="other") as other,
    ):
        assert other.response.status_code == 200
    assert (third.response.status_code, third.response.json()["code"]) == (429, "rate_limited")
    assert int(third.response.headers["retry-after"]) > 0


def test_a_service_has_a_limit_of_streams(serve: Serve) -> None:
    service = serve(streams_per_instance=2)

    with (
        service.follow(owner="one"),
        service.follow(owner="two"),
        service.follow(owner="three") as third,
    ):
        assert third.response.status_code == 429


def test_a_stream_that_is_over_makes_room(serve: Serve) -> None:
    service = serve(streams_per_session=1)
    with service.follow():
        pass
    eventually(lambda: service.broadcaster.count() == 0)

    with service.follow() as stream:
        assert stream.response.status_code == 200


def test_when_the_service_stops_streams_end_cleanly_and_soon(
    service: Service, world: World
) -> None:
    upload = world.upload()

    with service.follow() as stream, service.follow(upload.id) as one:
        stream.next()
        one.next()
        took = service.stop()

        assert stream.rest() == one.rest() == []
    assert took < 2


def test_a_stream_in_the_middle_of_a_read_ends_as_soon(
    serve: Serve, world: World, reader: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, answered = Flag(), Flag()
    service = serve(poll_every=0.05, progress_feed="poll")
    world.upload()

    def slow(_owner: str) -> list[Progress]:
        reading.set()
        answered.wait(10)
        return []

    with service.follow() as stream:
        stream.next()
        monkeypatch.setattr(reader, "of_owner", slow)
        assert reading.wait(10)
        took = service.stop()
        answered.set()

        assert stream.rest() == []
    assert took < 2


def test_a_client_that_hangs_up_leaves_nothing_behind(service: Service) -> None:
    with service.follow(), service.follow():
        assert service.broadcaster.count() == 2

    eventually(lambda: service.broadcaster.count() == 0)
