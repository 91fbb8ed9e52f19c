"""What people do with conversions: ask, ask again, see, download, cancel, delete."""

import hashlib

import pytest

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
    fingerprint,
)
from tests.conversion.support import LEASE, RESULT, FakeEngine, World, beating

HOUR = 3600
MP3 = ConversionRequest("mp3", ConversionOptions(bitrate="192k"))


@pytest.fixture
def ask(world: World) -> RequestConversion:
    return RequestConversion(
        world.uploads, world.conversions, 24 * HOUR, lambda _: None, world.clock
    )


@pytest.fixture
def download(world: World) -> DownloadConversion:
    return DownloadConversion(
        world.conversions, world.objects, MemoryUrlSigner(), HOUR, world.clock
    )


def completed(world: World) -> Conversion:
    conversion = world.queued()
    world.run(FakeEngine())(conversion.id, beating)
    return world.now(conversion)


def test_a_conversion_of_a_file_on_its_way_waits_and_of_one_that_arrived_is_queued(
    world: World, ask: RequestConversion
) -> None:
    upload, _ = world.begun(waiting=0)
    waiting = ask("anna", upload.id, MP3)
    world.uploads.mark_uploaded(upload.id)
    queued = ask("anna", upload.id, MP3)

    assert (waiting.phase, queued.phase) == (Phase.WAITING, Phase.QUEUED)
    assert world.uploads.get(upload.id).conversions == (waiting.id, queued.id)
    assert queued.expires_at == world.clock() + 24 * HOUR


def test_a_worker_is_woken_for_what_may_begin_and_for_nothing_else(world: World) -> None:
    woken: list[str] = []
    ask = RequestConversion(world.uploads, world.conversions, 24 * HOUR, woken.append, world.clock)
    upload, _ = world.begun(waiting=0)
    ask("anna", upload.id, MP3)
    world.uploads.mark_uploaded(upload.id)

    queued = ask("anna", upload.id, MP3)

    assert woken == [queued.id]


@pytest.mark.parametrize(
    ("wanted", "named"), [(None, "Für Elise.flac"), ("mine.wav", "mine.flac"), ("../x", "x.flac")]
)
def test_the_download_is_named_after_the_file_or_as_was_asked(
    world: World, ask: RequestConversion, wanted: str | None, named: str
) -> None:
    upload, _ = world.begun(waiting=0)

    assert ask("anna", upload.id, ConversionRequest("flac", filename=wanted)).filename == named


def test_a_name_of_nothing_is_refused(world: World, ask: RequestConversion) -> None:
    upload, _ = world.begun(waiting=0)

    with pytest.raises(FilenameInvalid):
        ask("anna", upload.id, ConversionRequest("flac", filename="\u200b"))


def test_a_request_repeated_under_its_key_is_the_same_conversion(
    world: World, ask: RequestConversion
) -> None:
    upload, _ = world.begun(waiting=0)
    first = ask("anna", upload.id, MP3, "key")
    world.clock.advance(HOUR)

    again = ask("anna", upload.id, MP3, "key")

    assert again.id == first.id
    assert again.created_at == first.created_at
    assert world.uploads.get(upload.id).conversions == (first.id,)


def test_a_request_repeated_after_the_end_shows_the_end(
    world: World, ask: RequestConversion
) -> None:
    upload, _ = world.begun(waiting=0)
    first = ask("anna", upload.id, MP3, "key")
    world.conversions.cancel(first.id, "anna")

    assert ask("anna", upload.id, MP3, "key").status is ConversionStatus.CANCELLED


def test_another_request_under_the_same_key_is_refused(
    world: World, ask: RequestConversion
) -> None:
    upload, _ = world.begun(waiting=0)
    ask("anna", upload.id, MP3, "key")

    for other in (
        ConversionRequest("flac"),
        ConversionRequest("mp3", ConversionOptions(bitrate="64k")),
    ):
        with pytest.raises(IdempotencyKeyReused):
            ask("anna", upload.id, other, "key")


def test_what_was_not_asked_for_is_no_part_of_a_request() -> None:
    """Written down, for it must stay: a request that is repeated after a deploy is the same, whatever options the new version has."""
    request = ConversionRequest("mp3", ConversionOptions(start=1.0))

    assert (
        fingerprint("upl_x", request)
        == hashlib.sha256(b'["upl_x", "mp3", {"start": 1.0}, null]').hexdigest()[:32]
    )


def test_a_key_belongs_to_its_session(world: World, ask: RequestConversion) -> None:
    annas, _ = world.begun("anna", waiting=0)
    bens, _ = world.begun("ben", waiting=0)

    assert ask("anna", annas.id, MP3, "key").id != ask("ben", bens.id, MP3, "key").id


def test_without_a_key_every_request_is_a_conversion_of_its_own(
    world: World, ask: RequestConversion
) -> None:
    upload, _ = world.begun(waiting=0)

    assert ask("anna", upload.id, MP3).id != ask("anna", upload.id, MP3).id


def test_nobody_converts_somebody_elses_or_a_failed_upload(
    world: World, ask: RequestConversion
) -> None:
    upload, _ = world.begun(waiting=0)

    with pytest.raises(UploadNotFound):
        ask("ben", upload.id, MP3)
    world.uploads.mark_failed(upload.id, Failure("upload_expired", "Gone."))
    with pytest.raises(UploadClosed):
        ask("anna", upload.id, MP3)


def test_the_place_in_the_queue_counts_those_before_it_and_ends_with_the_waiting(
    world: World,
) -> None:
    show = ShowConversion(world.conversions, world.queue)
    first, second = world.queued(), world.queued("ben")

    assert [show(c.owner, c.id)[1] for c in (first, second)] == [1, 2]
    world.leases.claim(first.id, "worker", LEASE)
    assert [show(c.owner, c.id)[1] for c in (first, second)] == [None, 1]


@pytest.mark.parametrize("inline", [False, True])
def test_a_download_is_signed_for_its_name_and_type(
    world: World, download: DownloadConversion, inline: bool
) -> None:
    conversion = completed(world)

    found = download("anna", conversion.id, inline=inline)

    assert (found.filename, found.media_type, found.size) == (
        conversion.filename,
        "audio/mpeg",
        len(RESULT),
    )
    assert found.expires_at == world.clock() + HOUR
    assert f"disposition={'inline' if inline else 'attachment'}" in found.url


def test_no_download_outlives_its_conversion(world: World, download: DownloadConversion) -> None:
    conversion = completed(world)
    world.clock.now = conversion.expires_at - 10.5

    found = download("anna", conversion.id, inline=False)

    assert "lifetime=10" in found.url
    assert found.expires_at <= conversion.expires_at


@pytest.mark.parametrize("state", ["queued", "converting", "cancelled"])
def test_what_is_not_completed_is_not_ready(
    world: World, download: DownloadConversion, state: str
) -> None:
    conversion = world.queued()
    if state == "converting":
        world.leases.claim(conversion.id, "worker", LEASE)
    elif state == "cancelled":
        world.conversions.cancel(conversion.id, conversion.owner)

    with pytest.raises(NotReady, match=state):
        download("anna", conversion.id, inline=False)


def test_an_output_that_was_lost_is_gone_in_words(
    world: World, download: DownloadConversion
) -> None:
    conversion = completed(world)
    assert conversion.output
    world.objects.erase([conversion.output.key])

    with pytest.raises(Gone, match="convert the file again"):
        download("anna", conversion.id, inline=False)


def test_what_expired_is_not_found(world: World, download: DownloadConversion) -> None:
    conversion = completed(world)
    world.clock.now = conversion.expires_at

    with pytest.raises(ConversionNotFound):
        download("anna", conversion.id, inline=False)


def test_cancelling_twice_says_the_same_and_after_the_end_it_is_too_late(world: World) -> None:
    cancel, queued, done = CancelConversion(world.conversions), world.queued(), completed(world)

    assert cancel("anna", queued.id) == cancel("anna", queued.id)
    with pytest.raises(ConversionFinished):
        cancel("anna", done.id)
    with pytest.raises(ConversionNotFound):
        cancel("ben", done.id)


def test_deleting_takes_it_away_once_and_only_for_its_owner(world: World) -> None:
    delete, conversion = DeleteConversion(world.conversions), completed(world)

    with pytest.raises(ConversionNotFound):
        delete("ben", conversion.id)
    delete("anna", conversion.id)
    with pytest.raises(ConversionNotFound):
        delete("anna", conversion.id)
