"""Report several parts at once, that went straight to S3."""

import pytest

from libs.core.errors import PartSizeMismatch, UploadClosed
from tests.fault_injection import record_calls
from tests.upload.support import OWNER, Client, UploadHarness, create, part, problem


def test_many_parts_cost_one_listing_and_one_write(harness: UploadHarness) -> None:
    upload = harness.send_parts(harness.create_upload())
    listings = record_calls(harness.multipart, "list_parts")
    writes = record_calls(harness.uploads, "add_parts", "set_parts")

    reported = harness.report(OWNER, upload.id, 3, 1, 2, 2)

    assert reported.completed_parts == {1, 2, 3}
    assert reported.version == upload.version + 1
    assert (listings, writes) == (["list_parts"], ["add_parts"])


def test_parts_that_s3_has_are_recorded_although_others_are_missing(
    harness: UploadHarness,
) -> None:
    upload = harness.send_parts(harness.create_upload(), 2)

    with pytest.raises(PartSizeMismatch) as refused:
        harness.report(OWNER, upload.id, 1, 2, 3)

    assert refused.value.context["missing_parts"] == [1, 3]
    assert harness.now(upload).completed_parts == {2}


def test_a_part_between_the_reported_ones_is_not_recorded(harness: UploadHarness) -> None:
    upload = harness.send_parts(harness.create_upload())

    assert harness.report(OWNER, upload.id, 1, 3).completed_parts == {1, 3}


def test_known_parts_are_not_asked_for_again(harness: UploadHarness) -> None:
    upload = harness.send_parts(harness.create_upload(), 1, 2)
    harness.report(OWNER, upload.id, 1, 2)
    listings = record_calls(harness.multipart, "list_parts")

    harness.report(OWNER, upload.id, 1, 2)

    assert listings == []


def test_an_upload_that_was_aborted_takes_no_reports(harness: UploadHarness) -> None:
    upload = harness.send_parts(harness.create_upload(), 1)
    harness.multipart.abort(upload.key, upload.multipart_id)

    with pytest.raises(UploadClosed):
        harness.report(OWNER, upload.id, 1, 2)


def test_the_route_reports_a_list_of_parts(client: Client, harness: UploadHarness) -> None:
    made = create(client)
    upload = harness.uploads.get(made["id"])
    harness.multipart.put_part(upload.key, upload.multipart_id, 1, part(1) + part(2) + part(3))

    answer = client.post(f"/api/uploads/{upload.id}/parts", json={"part_numbers": [1]})

    assert (answer.status_code, answer.json()["completed_parts"]) == (200, [1])


@pytest.mark.parametrize(
    ("numbers", "code"),
    [
        ([], "validation_failed"),
        (list(range(1, 1_002)), "validation_failed"),
        (["one"], "validation_failed"),
        ([0], "part_number_invalid"),
        ([1, 2], "part_number_invalid"),
        ([1], "part_size_mismatch"),
    ],
)
def test_the_route_refuses_what_cannot_be_reported(
    client: Client, numbers: list[object], code: str
) -> None:
    path = f"/api/uploads/{create(client)['id']}/parts"

    refused = problem(client.post(path, json={"part_numbers": numbers}), 422, code)

    if code == "part_size_mismatch":
        assert refused["missing_parts"] == [1]
