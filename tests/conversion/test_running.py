"""One attempt at a conversion: how each kind of end is written, and what is left in the bucket then."""

from collections.abc import Callable

import pytest

from libs.core.domain.conversions import ConversionStatus, Phase
from libs.core.errors import ObjectMissing
from services.conversion.ports import (
    ConversionResult,
    EngineProgress,
    MediaError,
    OutputSink,
    SourceBytes,
)
from services.conversion.worker.attempt import (
    MAX_ATTEMPTS,
    MAX_LOST_ATTEMPTS,
    ReleaseRequested,
)
from tests.conversion.support import LEASE, RESULT, FakeEngine, World, beating, convert_in_parts
from tests.fakes import A_SOURCE


def refusing(error: Exception) -> FakeEngine:
    """Stores a part, then breaks."""

    def script(source: SourceBytes, sink: OutputSink, tick: object) -> ConversionResult:
        sink.put_part(1, b"the first part")
        raise error

    return FakeEngine(script)


def test_a_success_is_published_with_all_that_is_known_of_it(world: World) -> None:
    conversion = world.queued()

    assert world.run(FakeEngine())(conversion.id, beating) is True

    done = world.now(conversion)
    assert (done.status, done.phase, done.percent, done.attempts) == (
        ConversionStatus.COMPLETED,
        Phase.DONE,
        100.0,
        1,
    )
    assert done.source == A_SOURCE
    assert done.output
    assert (done.output.filename, done.output.media_type, done.output.size) == (
        conversion.filename,
        "audio/mpeg",
        len(RESULT),
    )
    assert world.outputs(conversion) == {done.output.key: RESULT}
    assert done.lease_until is None


def test_the_engine_is_told_what_was_asked_for(world: World) -> None:
    engine, conversion = FakeEngine(), world.queued(format="flac")

    world.run(engine)(conversion.id, beating)

    assert [(job.format, job.options, job.title) for job in engine.jobs] == [
        ("flac", conversion.options, conversion.id)
    ]


def test_what_cannot_be_converted_fails_with_its_code_and_leaves_nothing(world: World) -> None:
    conversion = world.queued()

    assert (
        world.run(refusing(MediaError("not_audio", "This is not sound.", "ffmpeg said so")))(
            conversion.id, beating
        )
        is True
    )

    done = world.now(conversion)
    assert (done.status, done.error and done.error.code, done.error and done.error.detail) == (
        "failed",
        "not_audio",
        "This is not sound.",
    )
    assert not world.outputs(conversion)
    assert not world.open_parts(conversion)


def test_a_fault_of_ours_fails_as_internal_and_tells_nothing_of_the_inside(world: World) -> None:
    conversion = world.queued()

    assert world.run(refusing(ZeroDivisionError("secret")))(conversion.id, beating) is True

    error = world.now(conversion).error
    assert error
    assert error.code == "internal"
    assert "secret" not in error.detail
    assert not world.open_parts(conversion)


@pytest.mark.parametrize("missing", ["item", "object"])
def test_an_upload_that_is_gone_fails_in_words(world: World, missing: str) -> None:
    conversion = world.queued()
    if missing == "item":
        world.uploads.remove(conversion.upload_id, conversion.owner)
        engine = FakeEngine()
    else:
        engine = refusing(ObjectMissing("There is no object."))

    assert world.run(engine)(conversion.id, beating) is True

    error = world.now(conversion).error
    assert error
    assert (error.code, "upload it again" in error.detail) == ("corrupt", True)


def test_one_that_nobody_may_have_needs_no_message_any_more(world: World) -> None:
    engine, conversion = FakeEngine(), world.queued()
    world.leases.claim(conversion.id, "another", LEASE)

    assert world.run(engine)(conversion.id, beating) is True
    assert world.run(engine)("cnv_" + "A" * 22, beating) is True

    assert not engine.jobs


def test_a_hand_over_keeps_the_parts_for_the_next_attempt_and_counts_as_no_loss(
    world: World,
) -> None:
    conversion = world.queued()
    first = FakeEngine(convert_in_parts(b"one", b"two"))

    def stop(_: float | None) -> None:
        raise ReleaseRequested

    assert world.run(first)(conversion.id, stop) is False

    handed = world.now(conversion)
    assert (handed.status, handed.phase, handed.attempts, handed.released) == (
        "queued",
        "queued",
        1,
        1,
    )
    assert world.open_parts(conversion) == [f"outputs/{conversion.id}/1.mp3"]

    assert (
        world.run(FakeEngine(convert_in_parts(b"one", b"two")), "worker-2")(conversion.id, beating)
        is True
    )
    assert world.outputs(conversion) == {f"outputs/{conversion.id}/1.mp3": b"onetwo"}
    assert not world.open_parts(conversion)


def test_a_result_that_was_stored_before_it_was_found_wanting_is_not_published_and_taken_away(
    world: World,
) -> None:
    def script(
        _source: SourceBytes, sink: OutputSink, _tick: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        sink.finish([sink.put_part(1, b"looks well")], 10)
        raise MediaError("internal", "Something went wrong on our side.")

    conversion = world.queued()

    assert world.run(FakeEngine(script))(conversion.id, beating) is True

    assert world.now(conversion).status is ConversionStatus.FAILED
    assert world.now(conversion).output is None
    assert not world.outputs(conversion)
    assert not world.open_parts(conversion)


def test_a_conversion_that_took_three_workers_with_it_is_given_up(world: World) -> None:
    engine, conversion = FakeEngine(), world.queued()
    for lost in range(MAX_LOST_ATTEMPTS):
        assert world.leases.claim(conversion.id, f"killed-{lost}", LEASE)
        world.lease_ends()

    assert world.run(engine)(conversion.id, beating) is True

    error = world.now(conversion).error
    assert error
    assert error.code == "worker_lost"
    assert not engine.jobs


def test_attempts_that_were_handed_back_do_not_count_as_lost(world: World) -> None:
    conversion = world.queued()
    for _ in range(MAX_LOST_ATTEMPTS + 2):
        claimed = world.leases.claim(conversion.id, "deployed-over", LEASE)
        assert claimed
        world.leases.release(claimed)

    world.run(FakeEngine())(conversion.id, beating)

    assert world.now(conversion).status is ConversionStatus.COMPLETED


def test_what_was_handed_back_a_dozen_times_is_given_up_for_want_of_storage(world: World) -> None:
    conversion = world.queued()
    for _ in range(MAX_ATTEMPTS):
        claimed = world.leases.claim(conversion.id, "worker-1", LEASE)
        assert claimed
        world.leases.release(claimed)

    world.run(FakeEngine())(conversion.id, beating)

    error = world.now(conversion).error
    assert error
    assert error.code == "storage_unavailable"


def test_giving_up_frees_the_parts_of_the_attempts_before(world: World) -> None:
    conversion = world.queued()

    def die() -> None:
        raise KeyboardInterrupt  # nothing is written after it, as after kill -9

    for _ in range(MAX_LOST_ATTEMPTS):
        with pytest.raises(KeyboardInterrupt):
            world.run(FakeEngine(convert_in_parts(b"one", b"two", before_finish=die)))(
                conversion.id, beating
            )
        world.lease_ends()
    assert world.open_parts(conversion)

    world.run(FakeEngine())(conversion.id, beating)

    assert world.now(conversion).status is ConversionStatus.FAILED
    assert not world.open_parts(conversion)
