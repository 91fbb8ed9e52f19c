"""Limit event streams in time and number, and end them."""

from collections.abc import Callable
from contextlib import ExitStack
from itertools import islice
from threading import Event as Flag

import pytest

from libs.core.domain.progress import Progress
from tests.fault_injection import fail_calls
from tests.progress.support import (
    FaultyProgressReader,
    ItemStore,
    ServiceHarness,
    eventually,
    names_and_ids,
)

Serve = Callable[..., ServiceHarness]

FAR_FUTURE = 2**40
"""Epoch seconds."""


def test_comments_are_sent_at_intervals(serve: Serve) -> None:
    with serve(TINYPIXO_KEEP_ALIVE=0.05).follow() as stream:
        assert {event.name for event in stream.take(3)} == {"comment"}


def test_a_stream_ends_cleanly_at_its_time_limit(serve: Serve, store: ItemStore) -> None:
    upload = store.upload()

    with serve(stream_lifetime=0.3).follow() as stream:
        assert names_and_ids(stream.rest()) == [("progress", f"{upload.id}:1")]


@pytest.mark.parametrize("of_one_item", [False, True])
def test_a_stream_ends_soon_after_its_session_is_revoked(
    serve: Serve, store: ItemStore, of_one_item: bool
) -> None:
    service = serve(TINYPIXO_KEEP_ALIVE=0.01)
    item_id = store.upload().id if of_one_item else None

    with service.follow(item_id) as stream, service.follow(owner="other") as other:
        stream.next()
        service.container.revoked_sessions().revoke("somebody", FAR_FUTURE)

        assert len(list(islice(stream, 500))) < 500, "ends cleanly"
        assert len(other.take(500)) == 500


def test_a_stream_goes_on_while_revocations_cannot_be_read(serve: Serve) -> None:
    service = serve(TINYPIXO_KEEP_ALIVE=0.01)

    with service.follow() as stream:
        fail_calls(service.container.revoked_sessions(), "is_revoked", times=3)

        assert {event.name for event in stream.take(10)} == {"comment"}


def test_a_new_session_does_not_reset_the_stream_limit_of_its_address(serve: Serve) -> None:
    service = serve(streams_per_address=2, trusted_proxies=1)
    paths = [("anna", "198.51.100.1"), ("bert", "198.51.100.1"), ("carl", "198.51.100.1")]

    with ExitStack() as streams:
        answers = [
            streams.enter_context(service.follow(owner=owner, address=address)).response
            for owner, address in (*paths, ("dora", "198.51.100.2"))
        ]

        assert [answer.status_code for answer in answers] == [200, 200, 429, 200]
        assert answers[2].json()["code"] == "rate_limited"
    eventually(lambda: service.broadcaster.count() == 0)
    with service.follow(owner="carl", address="198.51.100.1") as stream:
        assert stream.response.status_code == 200


def test_the_limit_of_streams_is_per_session(serve: Serve) -> None:
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


def test_a_process_has_a_limit_of_streams(serve: Serve) -> None:
    service = serve(streams_per_instance=2)

    with (
        service.follow(owner="one"),
        service.follow(owner="two"),
        service.follow(owner="three") as third,
    ):
        assert third.response.status_code == 429


def test_an_ended_stream_does_not_count(serve: Serve) -> None:
    service = serve(streams_per_session=1)
    with service.follow():
        pass
    eventually(lambda: service.broadcaster.count() == 0)

    with service.follow() as stream:
        assert stream.response.status_code == 200


def test_streams_end_cleanly_when_the_service_stops(
    service: ServiceHarness, store: ItemStore
) -> None:
    upload = store.upload()

    with service.follow() as stream, service.follow(upload.id) as one:
        stream.next()
        one.next()
        took = service.stop()

        assert stream.rest() == one.rest() == []
    assert took < 2


def test_a_stream_ends_even_during_a_read(
    serve: Serve, store: ItemStore, reader: FaultyProgressReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, answered = Flag(), Flag()
    service = serve(poll_every=0.05, progress_feed="poll")
    store.upload()

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


def test_a_disconnected_client_leaves_no_subscription(service: ServiceHarness) -> None:
    with service.follow(), service.follow():
        assert service.broadcaster.count() == 2

    eventually(lambda: service.broadcaster.count() == 0)
