"""Derive progress from uploads and conversions."""

import pytest

from libs.core.domain.conversions import ConversionStatus, Phase, output_key, output_prefix
from libs.core.domain.progress import progress_of
from libs.core.domain.uploads import MIB, Failure, UploadStatus
from tests.fakes import a_conversion, an_upload


def test_progress_of_an_upload_under_way() -> None:
    upload = an_upload(completed_parts=frozenset({1}), version=2)

    progress = progress_of(upload)

    assert (progress.id, progress.kind, progress.status, progress.phase) == (
        upload.id,
        "upload",
        "uploading",
        "uploading",
    )
    assert (progress.percent, progress.uploaded_bytes, progress.size) == (41.7, 5 * MIB, 12 * MIB)
    assert (progress.completed_parts, progress.part_count) == (1, 3)
    assert (progress.version, progress.updated_at, progress.terminal) == (
        2,
        upload.updated_at,
        False,
    )


@pytest.mark.parametrize(
    "status", [UploadStatus.UPLOADED, UploadStatus.FAILED, UploadStatus.ABORTED]
)
def test_an_ended_upload_is_done(status: UploadStatus) -> None:
    progress = progress_of(an_upload(status=status))

    assert (progress.status, progress.phase, progress.terminal) == (status, "done", True)


def test_progress_of_a_running_conversion() -> None:
    conversion = a_conversion(
        an_upload(),
        status=ConversionStatus.CONVERTING,
        phase=Phase.CONVERTING,
        percent=12.5,
        speed=3.0,
        eta_seconds=20.0,
    )

    progress = progress_of(conversion)

    assert (progress.kind, progress.status, progress.phase, progress.terminal) == (
        "conversion",
        "converting",
        "converting",
        False,
    )
    assert (progress.percent, progress.speed, progress.eta_seconds) == (12.5, 3.0, 20.0)
    assert (progress.size, progress.part_count, progress.queue_position) == (None, None, None)


@pytest.mark.parametrize(
    "status", [ConversionStatus.COMPLETED, ConversionStatus.FAILED, ConversionStatus.CANCELLED]
)
def test_an_ended_conversion_is_terminal(status: ConversionStatus) -> None:
    assert progress_of(a_conversion(an_upload(), status=status)).terminal


def test_the_queue_position_is_shown_if_it_is_known() -> None:
    assert progress_of(a_conversion(an_upload()), queue_position=3).queue_position == 3


def test_the_reason_of_a_failure_is_shown() -> None:
    reason = Failure("corrupt", "The file is damaged.")

    assert progress_of(a_conversion(an_upload(), error=reason)).error == reason
    assert progress_of(an_upload(error=reason)).error == reason


def test_every_attempt_has_its_own_output_key_under_one_prefix() -> None:
    keys = {output_key("cnv_x", attempt, "mp3") for attempt in (1, 2, 3)}

    assert len(keys) == 3
    assert all(key.startswith(output_prefix("cnv_x")) for key in keys)
