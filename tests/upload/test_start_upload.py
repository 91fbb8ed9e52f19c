"""Start an upload: refuse it before anything is written, or write all of it."""

import pytest

from libs.core.domain.conversions import ConversionStatus, Phase
from libs.core.domain.formats import ConversionOptions, ConversionRequest
from libs.core.domain.uploads import MIN_PART_SIZE, UploadStatus
from libs.core.errors import CoreError, FileEmpty, FilenameInvalid, FileTooLarge, StorageUnavailable
from services.upload.start_upload import NewUpload
from tests.fault_injection import fail_calls
from tests.upload.support import HOUR, MAX_SIZE, OWNER, UploadHarness

MP3 = ConversionRequest("mp3", ConversionOptions(bitrate="192k"))


def test_an_upload_starts_a_multipart_upload(harness: UploadHarness) -> None:
    upload = harness.start(NewUpload(OWNER, "song.wav", 12, "audio/wav", [], "00-trace-01"))

    assert upload == harness.now(upload)
    assert (upload.status, upload.part_size, upload.part_count) == (
        UploadStatus.UPLOADING,
        MIN_PART_SIZE,
        1,
    )
    assert upload.expires_at == harness.clock() + 24 * HOUR
    (begun,) = harness.multipart.list_open("uploads/")
    assert (begun.key, begun.multipart_id) == (upload.key, upload.multipart_id)
    stored = harness.bucket.multiparts[upload.multipart_id]
    assert (stored.media_type, stored.metadata) == (
        "audio/wav",
        {"upload": upload.id, "traceparent": "00-trace-01"},
    )


def test_requested_conversions_wait_for_the_upload(harness: UploadHarness) -> None:
    upload = harness.start(
        NewUpload(
            OWNER,
            "song.wav",
            12,
            "audio/wav",
            [MP3, ConversionRequest("flac", filename="other name.wav")],
        )
    )

    first, second = harness.conversions_of(upload)
    assert {(c.status, c.phase, c.owner, c.upload_id) for c in (first, second)} == {
        (ConversionStatus.QUEUED, Phase.WAITING, OWNER, upload.id)
    }
    assert (first.filename, first.options.bitrate) == ("song.mp3", "192k")
    assert second.filename == "other name.flac"
    assert first.expires_at == second.expires_at == upload.expires_at


@pytest.mark.parametrize(
    ("filename", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\music\\a.wav", "a.wav"),
        ("u\u0308.wav", "ü.wav"),
        ("a\u202egpj.wav", "agpj.wav"),
    ],
)
def test_file_names_are_cleaned(harness: UploadHarness, filename: str, kept: str) -> None:
    assert harness.start(NewUpload(OWNER, filename, 12, "audio/wav", [])).filename == kept


@pytest.mark.parametrize(
    ("filename", "size", "convert", "error"),
    [
        ("song.wav", 0, [], FileEmpty),
        ("song.wav", MAX_SIZE + 1, [], FileTooLarge),
        (" ", 12, [], FilenameInvalid),
        ("x" * 256, 12, [], FilenameInvalid),
        ("song.wav", 12, [MP3, ConversionRequest("mp3", filename="\u200b")], FilenameInvalid),
    ],
)
def test_a_refused_upload_leaves_nothing(
    harness: UploadHarness,
    filename: str,
    size: int,
    convert: list[ConversionRequest],
    error: type[CoreError],
) -> None:
    with pytest.raises(error):
        harness.start(NewUpload(OWNER, filename, size, "audio/wav", convert))

    assert not harness.table.all()
    assert not list(harness.multipart.list_open(""))


def test_a_file_of_the_largest_size_is_accepted(harness: UploadHarness) -> None:
    assert harness.start(NewUpload(OWNER, "song.wav", MAX_SIZE, "audio/wav", [])).size == MAX_SIZE


@pytest.mark.parametrize(("port", "method"), [("multipart", "create"), ("uploads", "create")])
def test_an_unavailable_store_leaves_no_partial_upload(
    harness: UploadHarness, port: str, method: str
) -> None:
    fail_calls(getattr(harness, port), method)

    with pytest.raises(StorageUnavailable):
        harness.start(NewUpload(OWNER, "song.wav", 12, "audio/wav", [MP3]))

    assert not harness.table.all()
