"""GET /api/progress/{id}"""

import pytest

from libs.core.domain.conversions import Phase
from libs.core.domain.ids import new_id
from libs.core.domain.uploads import Failure
from libs.core.ports.leases import ProgressReport
from tests.progress.support import Faulty, Service, World


def test_an_upload_is_shown_as_the_contract_has_it(service: Service, world: World) -> None:
    upload = world.upload(updated_at=1_700_000_000.25)
    world.uploads.add_part(upload.id, 1)
    now = world.uploads.get(upload.id)

    shown = service.client().get(f"/api/progress/{upload.id}").json()

    assert shown.pop("updated_at").endswith("Z")
    assert shown == {
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


def test_a_queued_conversion_is_shown_with_its_place(service: Service, world: World) -> None:
    conversion = world.queued(updated_at=1_700_000_000.25)

    shown = service.client().get(f"/api/progress/{conversion.id}").json()

    assert shown == {
        "id": conversion.id,
        "kind": "conversion",
        "status": "queued",
        "phase": "queued",
        "percent": 0.0,
        "queue_position": 1,
        "version": 1,
        "updated_at": "2023-11-14T22:13:20.250Z",
    }


def test_a_running_conversion_is_shown_with_speed_and_time_left(
    service: Service, world: World
) -> None:
    claimed = world.leases.claim(world.queued().id, "worker", 30)
    assert claimed
    world.leases.report(
        claimed, ProgressReport(Phase.CONVERTING, 40.5, speed=33.3, eta_seconds=12.5), 30
    )

    shown = service.client().get(f"/api/progress/{claimed.id}").json()

    assert (shown["status"], shown["phase"], shown["percent"]) == ("converting", "converting", 40.5)
    assert (shown["speed"], shown["eta_seconds"]) == (33.3, 12.5)


def test_a_failed_one_says_why(service: Service, world: World) -> None:
    upload = world.upload()
    world.uploads.mark_failed(upload.id, Failure("upload_expired", "Please upload it again."))

    shown = service.client().get(f"/api/progress/{upload.id}").json()

    assert shown["error"] == {"code": "upload_expired", "detail": "Please upload it again."}


def test_its_version_is_its_etag_and_nothing_may_store_it(service: Service, world: World) -> None:
    upload = world.upload()

    headers = service.client().get(f"/api/progress/{upload.id}").headers

    assert (headers["etag"], headers["cache-control"]) == ('"1"', "no-store")


@pytest.mark.parametrize("tags", ['"1"', 'W/"1"', '"7", "1"', "*"])
def test_who_has_this_version_gets_304(service: Service, world: World, tags: str) -> None:
    upload = world.upload()

    answer = service.client().get(f"/api/progress/{upload.id}", headers={"If-None-Match": tags})

    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == '"1"'


@pytest.mark.parametrize("tags", ['"2"', "1", '"11"', "", "nonsense"])
def test_who_has_another_version_gets_it(service: Service, world: World, tags: str) -> None:
    upload = world.upload()

    answer = service.client().get(f"/api/progress/{upload.id}", headers={"If-None-Match": tags})

    assert (answer.status_code, answer.json()["version"]) == (200, 1)


@pytest.mark.parametrize("end", ["", "/events"])
def test_somebody_elses_item_answers_as_an_unknown_one(
    service: Service, world: World, end: str
) -> None:
    client = service.client("stranger")

    foreign = client.get(f"/api/progress/{world.upload().id}{end}")
    unknown = client.get(f"/api/progress/{new_id('upload')}{end}")

    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json() == unknown.json()
    assert foreign.json()["code"] == "upload_not_found"


@pytest.mark.parametrize("end", ["", "/events"])
@pytest.mark.parametrize(
    "item_id", ["nonsense", "upl_short", "cnv_" + "x" * 5000, "%00", "..%2f..%2fetc"]
)
def test_an_id_of_neither_kind_is_not_found(service: Service, item_id: str, end: str) -> None:
    assert service.client().get(f"/api/progress/{item_id}{end}").status_code == 404


@pytest.mark.parametrize(
    "path", ["/api/progress/events", "/api/progress/{}/events", "/api/progress/{}"]
)
def test_while_the_table_is_away_it_says_so_and_when_to_come_back(
    service: Service, world: World, reader: Faulty, path: str
) -> None:
    upload = world.upload()
    reader.away = True

    answer = service.client().get(path.format(upload.id))

    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (
        503,
        "storage_unavailable",
        "2",
    )
    assert service.broadcaster.count() == 0
