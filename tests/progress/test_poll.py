"""Test GET /api/progress/{id}."""

import pytest

from libs.core.domain.conversions import Phase
from libs.core.domain.ids import new_id
from libs.core.domain.uploads import Failure
from libs.core.ports.leases import ProgressReport
from tests.progress.support import FaultyProgressReader, ItemStore, ServiceHarness


def test_an_upload_has_the_members_of_the_api(service: ServiceHarness, store: ItemStore) -> None:
    upload = store.upload(updated_at=1_700_000_000.25)
    store.uploads.add_parts(upload.id, 1)
    now = store.uploads.get(upload.id)

    names_and_ids = service.client().get(f"/api/progress/{upload.id}").json()

    assert names_and_ids.pop("updated_at").endswith("Z")
    assert names_and_ids == {
        "id": upload.id,
        "kind": "upload",
        "status": "uploading",
        "phase": "uploading",
        "percent": now.percent,
        "uploaded_bytes": now.part_size,
        "size": now.size,
        "completed_parts": 1,
        "part_count": 3,
        "version": 2,
    }


def test_a_queued_conversion_has_its_queue_position(
    service: ServiceHarness, store: ItemStore
) -> None:
    conversion = store.queued(updated_at=1_700_000_000.25)

    names_and_ids = service.client().get(f"/api/progress/{conversion.id}").json()

    assert names_and_ids == {
        "id": conversion.id,
        "kind": "conversion",
        "status": "queued",
        "phase": "queued",
        "percent": 0.0,
        "queue_position": 1,
        "version": 1,
        "updated_at": "2023-11-14T22:13:20.250Z",
    }


def test_a_running_conversion_has_speed_and_time_left(
    service: ServiceHarness, store: ItemStore
) -> None:
    claimed = store.leases.claim(store.queued().id, "worker", 30)
    assert claimed
    store.leases.report(
        claimed, ProgressReport(Phase.CONVERTING, 40.5, speed=33.3, eta_seconds=12.5), 30
    )

    names_and_ids = service.client().get(f"/api/progress/{claimed.id}").json()

    assert (names_and_ids["status"], names_and_ids["phase"], names_and_ids["percent"]) == (
        "converting",
        "converting",
        40.5,
    )
    assert (names_and_ids["speed"], names_and_ids["eta_seconds"]) == (33.3, 12.5)


def test_a_failed_conversion_has_its_error(service: ServiceHarness, store: ItemStore) -> None:
    upload = store.upload()
    store.uploads.mark_failed(upload.id, Failure("upload_expired", "Please upload it again."))

    names_and_ids = service.client().get(f"/api/progress/{upload.id}").json()

    assert names_and_ids["error"] == {"code": "upload_expired", "detail": "Please upload it again."}


def test_the_version_is_the_etag_and_caches_may_not_store_it(
    service: ServiceHarness, store: ItemStore
) -> None:
    upload = store.upload()

    headers = service.client().get(f"/api/progress/{upload.id}").headers

    assert (headers["etag"], headers["cache-control"]) == ('"1"', "no-store")


@pytest.mark.parametrize("tags", ['"1"', 'W/"1"', '"7", "1"', "*"])
def test_a_matching_etag_answers_304(service: ServiceHarness, store: ItemStore, tags: str) -> None:
    upload = store.upload()

    answer = service.client().get(f"/api/progress/{upload.id}", headers={"If-None-Match": tags})

    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == '"1"'


@pytest.mark.parametrize("tags", ['"2"', "1", '"11"', "", "nonsense"])
def test_another_etag_answers_the_progress(
    service: ServiceHarness, store: ItemStore, tags: str
) -> None:
    upload = store.upload()

    answer = service.client().get(f"/api/progress/{upload.id}", headers={"If-None-Match": tags})

    assert (answer.status_code, answer.json()["version"]) == (200, 1)


@pytest.mark.parametrize("end", ["", "/events"])
def test_an_item_of_another_owner_answers_as_an_unknown_one(
    service: ServiceHarness, store: ItemStore, end: str
) -> None:
    client = service.client("stranger")

    foreign = client.get(f"/api/progress/{store.upload().id}{end}")
    unknown = client.get(f"/api/progress/{new_id('upload')}{end}")

    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json() == unknown.json()
    assert foreign.json()["code"] == "upload_not_found"


@pytest.mark.parametrize("end", ["", "/events"])
@pytest.mark.parametrize(
    "item_id", ["nonsense", "upl_short", "cnv_" + "x" * 5000, "%00", "..%2f..%2fetc"]
)
def test_an_id_of_neither_kind_is_not_found(
    service: ServiceHarness, item_id: str, end: str
) -> None:
    assert service.client().get(f"/api/progress/{item_id}{end}").status_code == 404


@pytest.mark.parametrize(
    "path", ["/api/progress/events", "/api/progress/{}/events", "/api/progress/{}"]
)
def test_an_unreachable_table_answers_503_with_retry_after(
    service: ServiceHarness, store: ItemStore, reader: FaultyProgressReader, path: str
) -> None:
    upload = store.upload()
    reader.away = True

    answer = service.client().get(path.format(upload.id))

    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (
        503,
        "storage_unavailable",
        "2",
    )
    assert service.broadcaster.count() == 0
