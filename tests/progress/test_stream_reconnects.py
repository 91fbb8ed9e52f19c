"""Continue event streams after a Last-Event-ID: nothing twice, nothing missed."""

import pytest

from libs.core.domain.ids import new_id
from tests.progress.support import Event, ItemStore, ServiceHarness, eventually, names_and_ids


def test_a_client_that_has_the_end_gets_204(service: ServiceHarness, store: ItemStore) -> None:
    upload = store.upload()
    store.uploads.mark_uploaded(upload.id)

    with service.follow(upload.id, last=f"{upload.id}:2") as stream:
        assert stream.response.status_code == 204
    assert service.broadcaster.count() == 0


def test_a_reconnect_does_not_repeat_a_version(service: ServiceHarness, store: ItemStore) -> None:
    upload = store.upload()

    with service.follow(upload.id, last=f"{upload.id}:1") as stream:
        eventually(lambda: service.broadcaster.count() == 1)
        store.uploads.add_parts(upload.id, 1)

        assert names_and_ids([stream.next()]) == [("progress", f"{upload.id}:2")]


def test_a_reconnect_sends_newer_versions(service: ServiceHarness, store: ItemStore) -> None:
    upload = store.upload()
    store.uploads.add_parts(upload.id, 1)
    store.uploads.add_parts(upload.id, 2)

    with service.follow(upload.id, last=f"{upload.id}:1") as stream:
        assert names_and_ids([stream.next()]) == [("progress", f"{upload.id}:3")]


def test_a_reconnect_to_the_session_repeats_the_other_items(
    service: ServiceHarness, store: ItemStore
) -> None:
    known, other = store.upload(), store.upload()

    with service.follow(last=f"{known.id}:1") as stream:
        first = stream.next()
        store.uploads.add_parts(known.id, 1)

        assert names_and_ids([first, stream.next()]) == [
            ("progress", f"{other.id}:1"),
            ("progress", f"{known.id}:2"),
        ]


def test_a_reconnect_reports_that_the_last_item_was_removed(
    service: ServiceHarness, store: ItemStore
) -> None:
    item_id = new_id("conversion")

    with service.follow(last=f"{item_id}:4") as stream:
        assert stream.next() == Event(
            "removed", f"{item_id}:5", {"id": item_id, "kind": "conversion"}
        )


def test_a_reconnect_reports_every_removal_once(service: ServiceHarness, store: ItemStore) -> None:
    stays, goes, foreign = store.upload(), store.upload(), store.upload("somebody else")
    with service.follow() as stream:
        stream.take(2)
    store.uploads.remove(goes.id, "somebody")
    store.uploads.remove(foreign.id, "somebody else")

    with service.follow(last=f"{stays.id}:1") as stream:
        removed = stream.next()
    with service.follow(last=removed.id) as stream:
        after = stream.next()

    assert names_and_ids([removed, after]) == [
        ("removed", f"{goes.id}:2"),
        ("progress", f"{stays.id}:1"),
    ]


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
def test_an_invalid_last_event_id_is_ignored(
    service: ServiceHarness, store: ItemStore, last: str
) -> None:
    upload = store.upload()

    with service.follow(upload.id, last=last.format(id=upload.id)) as stream:
        assert names_and_ids([stream.next()]) == [("progress", f"{upload.id}:1")]
