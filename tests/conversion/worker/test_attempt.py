"""Test how each end of an attempt is written, and what it leaves in the bucket."""

import errno
import os
from collections.abc import Callable

import pytest

from libs.core.domain.conversions import ConversionStatus, Phase
from libs.core.domain.uploads import Failure
from libs.core.errors import ObjectMissing
from services.conversion.ports import (
    ConversionResult,
    EngineProgress,
    MediaError,
    OutputSink,
    SourceBytes,
)
from services.conversion.worker.heartbeat import ReleaseRequested
from services.conversion.worker.retry_policy import MAX_ATTEMPTS, MAX_BLAMED_ATTEMPTS
from tests.conversion.support import (
    LEASE,
    RESULT,
    ConversionEnvironment,
    FakeEngine,
    convert_in_parts,
    ignore_heartbeat,
)
from tests.fakes import A_SOURCE


def failing_engine(error: Exception) -> FakeEngine:
    """Return an engine that stores a part and then raises."""

    def script(source: SourceBytes, sink: OutputSink, on_progress: object) -> ConversionResult:
        sink.put_part(1, b"the first part")
        raise error

    return FakeEngine(script)


def test_a_success_is_published_with_all_that_is_known_of_it(env: ConversionEnvironment) -> None:
    conversion = env.add_queued()

    assert env.runner(FakeEngine())(conversion.id, ignore_heartbeat) is True

    done = env.current(conversion)
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
    assert env.outputs(conversion) == {done.output.key: RESULT}
    assert done.worker is None


def test_the_engine_is_told_what_was_asked_for(env: ConversionEnvironment) -> None:
    engine, conversion = FakeEngine(), env.add_queued(format="flac")

    env.runner(engine)(conversion.id, ignore_heartbeat)

    assert [(job.format, job.options, job.conversion_id) for job in engine.jobs] == [
        ("flac", conversion.options, conversion.id)
    ]


def test_what_cannot_be_converted_fails_with_its_code_and_leaves_nothing(
    env: ConversionEnvironment,
) -> None:
    conversion = env.add_queued()

    assert (
        env.runner(
            failing_engine(MediaError(Failure("not_audio", "This is not sound."), "ffmpeg said so"))
        )(conversion.id, ignore_heartbeat)
        is True
    )

    done = env.current(conversion)
    assert (done.status, done.error and done.error.code, done.error and done.error.detail) == (
        "failed",
        "not_audio",
        "This is not sound.",
    )
    assert not env.outputs(conversion)
    assert not env.open_parts(conversion)


def test_a_fault_of_ours_fails_as_internal_and_tells_nothing_of_the_inside(
    env: ConversionEnvironment,
) -> None:
    conversion = env.add_queued()

    assert (
        env.runner(failing_engine(ZeroDivisionError("secret")))(conversion.id, ignore_heartbeat)
        is True
    )

    error = env.current(conversion).error
    assert error
    assert error.code == "internal"
    assert "secret" not in error.detail
    assert not env.open_parts(conversion)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.EAGAIN])
def test_a_worker_without_descriptors_or_processes_leaves_it_to_the_next(
    env: ConversionEnvironment, number: int
) -> None:
    conversion = env.add_queued()
    engine = failing_engine(OSError(number, os.strerror(number)))

    assert env.runner(engine)(conversion.id, ignore_heartbeat) is False

    released = env.current(conversion)
    assert (released.status, released.unblamed_count) == (ConversionStatus.QUEUED, 1)


def test_a_worker_that_can_start_no_thread_leaves_it_to_the_next(
    env: ConversionEnvironment,
) -> None:
    conversion = env.add_queued()
    engine = failing_engine(RuntimeError("can't start new thread"))

    assert env.runner(engine)(conversion.id, ignore_heartbeat) is False

    assert env.current(conversion).status is ConversionStatus.QUEUED


@pytest.mark.parametrize("missing", ["item", "object"])
def test_an_upload_that_is_gone_fails_in_words(env: ConversionEnvironment, missing: str) -> None:
    conversion = env.add_queued()
    if missing == "item":
        env.uploads.remove(conversion.upload_id, conversion.owner)
        engine = FakeEngine()
    else:
        engine = failing_engine(ObjectMissing("There is no object."))

    assert env.runner(engine)(conversion.id, ignore_heartbeat) is True

    error = env.current(conversion).error
    assert error
    assert (error.code, "upload it again" in error.detail) == ("corrupt", True)


def test_the_message_of_a_conversion_that_cannot_be_claimed_is_deleted(
    env: ConversionEnvironment,
) -> None:
    engine, conversion = FakeEngine(), env.add_queued()
    env.leases.claim(conversion.id, "another", LEASE)

    assert env.runner(engine)(conversion.id, ignore_heartbeat) is True
    assert env.runner(engine)("cnv_" + "A" * 22, ignore_heartbeat) is True

    assert not engine.jobs


def test_a_release_keeps_the_parts_for_the_next_attempt_and_counts_as_no_loss(
    env: ConversionEnvironment,
) -> None:
    conversion = env.add_queued()
    first = FakeEngine(convert_in_parts(b"one", b"two"))

    def stop(_: float | None, /, *, is_guess: bool) -> None:
        raise ReleaseRequested

    assert env.runner(first)(conversion.id, stop) is False

    handed = env.current(conversion)
    assert (handed.status, handed.phase, handed.attempts, handed.unblamed_count) == (
        "queued",
        "queued",
        1,
        1,
    )
    assert env.open_parts(conversion) == [f"outputs/{conversion.id}/1.mp3"]

    assert (
        env.runner(FakeEngine(convert_in_parts(b"one", b"two")), "worker-2")(
            conversion.id, ignore_heartbeat
        )
        is True
    )
    assert env.outputs(conversion) == {f"outputs/{conversion.id}/1.mp3": b"onetwo"}
    assert not env.open_parts(conversion)


def test_an_output_that_was_stored_but_found_bad_is_deleted_unpublished(
    env: ConversionEnvironment,
) -> None:
    def script(
        _source: SourceBytes, sink: OutputSink, _on_progress: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        sink.finish([sink.put_part(1, b"looks well")], 10)
        raise MediaError(Failure("internal", "Something went wrong on our side."))

    conversion = env.add_queued()

    assert env.runner(FakeEngine(script))(conversion.id, ignore_heartbeat) is True

    assert env.current(conversion).status is ConversionStatus.FAILED
    assert env.current(conversion).output is None
    assert not env.outputs(conversion)
    assert not env.open_parts(conversion)


def test_a_conversion_that_took_three_workers_with_it_is_given_up(
    env: ConversionEnvironment,
) -> None:
    engine, conversion = FakeEngine(), env.add_queued()
    for lost in range(MAX_BLAMED_ATTEMPTS):
        env.take_over(conversion, f"killed-{lost}")

    assert env.run_next(env.runner(engine), conversion) is True

    error = env.current(conversion).error
    assert error
    assert error.code == "worker_lost"
    assert not engine.jobs


def test_attempts_that_were_released_do_not_count_as_lost(env: ConversionEnvironment) -> None:
    conversion = env.add_queued()
    for _ in range(MAX_BLAMED_ATTEMPTS + 2):
        claimed = env.leases.claim(conversion.id, "deployed-over", LEASE)
        assert claimed
        env.leases.release(claimed)

    env.runner(FakeEngine())(conversion.id, ignore_heartbeat)

    assert env.current(conversion).status is ConversionStatus.COMPLETED


def test_what_was_released_a_dozen_times_is_given_up_for_want_of_storage(
    env: ConversionEnvironment,
) -> None:
    conversion = env.add_queued()
    for _ in range(MAX_ATTEMPTS):
        claimed = env.leases.claim(conversion.id, "worker-1", LEASE)
        assert claimed
        env.leases.release(claimed)

    env.runner(FakeEngine())(conversion.id, ignore_heartbeat)

    error = env.current(conversion).error
    assert error
    assert error.code == "storage_unavailable"


def test_giving_up_frees_the_parts_of_the_attempts_before(env: ConversionEnvironment) -> None:
    conversion = env.add_queued()

    def die() -> None:
        raise KeyboardInterrupt  # nothing is written after it, as after kill -9

    for _ in range(MAX_BLAMED_ATTEMPTS):
        with pytest.raises(KeyboardInterrupt):
            env.run_next(
                env.runner(FakeEngine(convert_in_parts(b"one", b"two", before_finish=die))),
                conversion,
            )
    assert env.open_parts(conversion)

    env.run_next(env.runner(FakeEngine()), conversion)

    assert env.current(conversion).status is ConversionStatus.FAILED
    assert not env.open_parts(conversion)
