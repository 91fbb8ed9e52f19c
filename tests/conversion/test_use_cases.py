"""Test requests for conversions, repeated ones, downloads, cancels and removals."""

import hashlib

import pytest
from structlog.testing import capture_logs

from libs.core.adapters.memory import MemoryUrlSigner
from libs.core.domain.conversions import Conversion, ConversionStatus, Phase
from libs.core.domain.formats import ConversionOptions, ConversionRequest
from libs.core.domain.uploads import Failure
from libs.core.errors import (
    ConversionFinished,
    ConversionNotFound,
    FilenameInvalid,
    Gone,
    IdempotencyKeyReused,
    NotReady,
    UploadClosed,
    UploadNotFound,
)
from services.conversion.use_cases import (
    CancelConversion,
    DeleteConversion,
    DownloadConversion,
    RequestConversion,
    ShowConversion,
    request_digest,
)
from tests.conversion.support import (
    LEASE,
    RESULT,
    ConversionEnvironment,
    FakeEngine,
    ignore_heartbeat,
)

HOUR = 3600
MP3 = ConversionRequest("mp3", ConversionOptions(bitrate="192k"))


@pytest.fixture
def ask(env: ConversionEnvironment) -> RequestConversion:
    return RequestConversion(env.uploads, env.conversions, 24 * HOUR, lambda _: None, env.clock)


@pytest.fixture
def download(env: ConversionEnvironment) -> DownloadConversion:
    return DownloadConversion(env.conversions, env.objects, MemoryUrlSigner(), HOUR, env.clock)


def completed(env: ConversionEnvironment) -> Conversion:
    conversion = env.add_queued()
    env.runner(FakeEngine())(conversion.id, ignore_heartbeat)
    return env.current(conversion)


def test_a_conversion_waits_for_its_upload_and_is_queued_once_it_is_complete(
    env: ConversionEnvironment, ask: RequestConversion
) -> None:
    upload, _ = env.start_upload(waiting=0)
    waiting = ask("anna", upload.id, MP3)
    env.uploads.mark_uploaded(upload.id)
    queued = ask("anna", upload.id, MP3)

    assert (waiting.phase, queued.phase) == (Phase.WAITING, Phase.QUEUED)
    assert env.uploads.get(upload.id).conversions == (waiting.id, queued.id)
    assert queued.expires_at == env.clock() + 24 * HOUR


def test_a_worker_is_woken_for_what_may_begin_and_for_nothing_else(
    env: ConversionEnvironment,
) -> None:
    woken: list[str] = []
    ask = RequestConversion(env.uploads, env.conversions, 24 * HOUR, woken.append, env.clock)
    upload, _ = env.start_upload(waiting=0)
    ask("anna", upload.id, MP3)
    env.uploads.mark_uploaded(upload.id)

    queued = ask("anna", upload.id, MP3)

    assert woken == [queued.id]


@pytest.mark.parametrize(
    ("wanted", "named"), [(None, "Für Elise.flac"), ("mine.wav", "mine.flac"), ("../x", "x.flac")]
)
def test_the_download_is_named_after_the_file_or_as_was_asked(
    env: ConversionEnvironment, ask: RequestConversion, wanted: str | None, named: str
) -> None:
    upload, _ = env.start_upload(waiting=0)

    assert ask("anna", upload.id, ConversionRequest("flac", filename=wanted)).filename == named


def test_a_name_of_nothing_is_refused(env: ConversionEnvironment, ask: RequestConversion) -> None:
    upload, _ = env.start_upload(waiting=0)

    with pytest.raises(FilenameInvalid):
        ask("anna", upload.id, ConversionRequest("flac", filename="\u200b"))


def test_a_request_repeated_under_its_key_is_the_same_conversion(
    env: ConversionEnvironment, ask: RequestConversion
) -> None:
    upload, _ = env.start_upload(waiting=0)
    first = ask("anna", upload.id, MP3, "key")
    env.clock.advance(HOUR)

    again = ask("anna", upload.id, MP3, "key")

    assert again.id == first.id
    assert again.created_at == first.created_at
    assert env.uploads.get(upload.id).conversions == (first.id,)


def test_a_request_repeated_after_the_end_shows_the_end(
    env: ConversionEnvironment, ask: RequestConversion
) -> None:
    upload, _ = env.start_upload(waiting=0)
    first = ask("anna", upload.id, MP3, "key")
    env.conversions.cancel(first.id, "anna")

    assert ask("anna", upload.id, MP3, "key").status is ConversionStatus.CANCELLED


def test_another_request_under_the_same_key_is_refused(
    env: ConversionEnvironment, ask: RequestConversion
) -> None:
    upload, _ = env.start_upload(waiting=0)
    ask("anna", upload.id, MP3, "key")

    for other in (
        ConversionRequest("flac"),
        ConversionRequest("mp3", ConversionOptions(bitrate="64k")),
    ):
        with pytest.raises(IdempotencyKeyReused):
            ask("anna", upload.id, other, "key")


def test_what_was_not_asked_for_is_no_part_of_a_request() -> None:
    """The digest must never change: a request may be repeated after a deploy."""
    request = ConversionRequest("mp3", ConversionOptions(start=1.0))

    assert (
        request_digest("upl_x", request)
        == hashlib.sha256(b'["upl_x", "mp3", {"start": 1.0}, null]').hexdigest()[:32]
    )


def test_a_key_belongs_to_its_session(env: ConversionEnvironment, ask: RequestConversion) -> None:
    annas, _ = env.start_upload("anna", waiting=0)
    bens, _ = env.start_upload("ben", waiting=0)

    assert ask("anna", annas.id, MP3, "key").id != ask("ben", bens.id, MP3, "key").id


def test_without_a_key_every_request_is_a_conversion_of_its_own(
    env: ConversionEnvironment, ask: RequestConversion
) -> None:
    upload, _ = env.start_upload(waiting=0)

    assert ask("anna", upload.id, MP3).id != ask("anna", upload.id, MP3).id


def test_nobody_converts_somebody_elses_or_a_failed_upload(
    env: ConversionEnvironment, ask: RequestConversion
) -> None:
    upload, _ = env.start_upload(waiting=0)

    with pytest.raises(UploadNotFound):
        ask("ben", upload.id, MP3)
    env.uploads.mark_failed(upload.id, Failure("upload_expired", "Gone."))
    with pytest.raises(UploadClosed):
        ask("anna", upload.id, MP3)


def test_the_place_in_the_queue_counts_the_conversions_before_it(
    env: ConversionEnvironment,
) -> None:
    show = ShowConversion(env.conversions, env.queue)
    first, second = env.add_queued(), env.add_queued("ben")

    assert [show(c.owner, c.id)[1] for c in (first, second)] == [1, 2]
    env.leases.claim(first.id, "worker", LEASE)
    assert [show(c.owner, c.id)[1] for c in (first, second)] == [None, 1]


@pytest.mark.parametrize("inline", [False, True])
def test_a_download_is_signed_for_its_name_and_type(
    env: ConversionEnvironment, download: DownloadConversion, inline: bool
) -> None:
    conversion = completed(env)

    found = download("anna", conversion.id, inline=inline)

    assert (found.filename, found.media_type, found.size) == (
        conversion.filename,
        "audio/mpeg",
        len(RESULT),
    )
    assert found.expires_at == env.clock() + HOUR
    assert f"disposition={'inline' if inline else 'attachment'}" in found.url


def test_no_download_outlives_its_conversion(
    env: ConversionEnvironment, download: DownloadConversion
) -> None:
    conversion = completed(env)
    env.clock.now = conversion.expires_at - 10.5

    found = download("anna", conversion.id, inline=False)

    assert "lifetime=10" in found.url
    assert found.expires_at <= conversion.expires_at


@pytest.mark.parametrize("state", ["queued", "converting", "cancelled"])
def test_what_is_not_completed_is_not_ready(
    env: ConversionEnvironment, download: DownloadConversion, state: str
) -> None:
    conversion = env.add_queued()
    if state == "converting":
        env.leases.claim(conversion.id, "worker", LEASE)
    elif state == "cancelled":
        env.conversions.cancel(conversion.id, conversion.owner)

    with pytest.raises(NotReady, match=state):
        download("anna", conversion.id, inline=False)


def test_a_lost_output_is_answered_as_gone(
    env: ConversionEnvironment, download: DownloadConversion
) -> None:
    conversion = completed(env)
    assert conversion.output
    env.objects.delete([conversion.output.key])

    with capture_logs() as logs, pytest.raises(Gone, match="convert the file again"):
        download("anna", conversion.id, inline=False)

    [entry] = [entry for entry in logs if entry["event"] == "conversion.output_missing"]
    assert (entry["conversion"], entry["log_level"]) == (conversion.id, "error")


def test_a_download_url_is_promised_no_longer_than_its_credentials_live(
    env: ConversionEnvironment,
) -> None:
    signer = MemoryUrlSigner(max_lifetime=960)
    download = DownloadConversion(env.conversions, env.objects, signer, HOUR, env.clock)

    found = download("anna", completed(env).id, inline=False)

    assert found.expires_at == env.clock() + 960
    assert "lifetime=960" in found.url


def test_what_expired_is_not_found(
    env: ConversionEnvironment, download: DownloadConversion
) -> None:
    conversion = completed(env)
    env.clock.now = conversion.expires_at

    with pytest.raises(ConversionNotFound):
        download("anna", conversion.id, inline=False)


def test_cancelling_twice_says_the_same_and_after_the_end_it_is_too_late(
    env: ConversionEnvironment,
) -> None:
    cancel, queued, done = CancelConversion(env.conversions), env.add_queued(), completed(env)

    assert cancel("anna", queued.id) == cancel("anna", queued.id)
    with pytest.raises(ConversionFinished):
        cancel("anna", done.id)
    with pytest.raises(ConversionNotFound):
        cancel("ben", done.id)


def test_deleting_takes_it_away_once_and_only_for_its_owner(env: ConversionEnvironment) -> None:
    delete, conversion = DeleteConversion(env.conversions), completed(env)

    with pytest.raises(ConversionNotFound):
        delete("ben", conversion.id)
    delete("anna", conversion.id)
    with pytest.raises(ConversionNotFound):
        delete("anna", conversion.id)
