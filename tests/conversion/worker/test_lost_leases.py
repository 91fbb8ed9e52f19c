"""Test a worker that loses its lease: it ends, and deletes its own output only."""

from collections.abc import Callable

import pytest

from libs.core.domain.conversions import Conversion, ConversionStatus
from libs.core.domain.uploads import Failure
from libs.core.errors import LeaseLost
from services.conversion.ports import (
    ConversionResult,
    EngineProgress,
    MediaError,
    OutputSink,
    SourceBytes,
)
from services.conversion.worker import progress_writer
from tests.conversion.support import (
    RESULT,
    ConversionEnvironment,
    FakeEngine,
    Script,
    convert,
    convert_in_parts,
    ignore_heartbeat,
)
from tests.fault_injection import fail_calls

Interrupt = Callable[[ConversionEnvironment, Conversion], object]

ENDINGS: dict[str, Interrupt] = {
    "cancelled": lambda env, conversion: env.conversions.cancel(conversion.id, conversion.owner),
    "deleted": lambda env, conversion: env.conversions.remove(conversion.id, conversion.owner),
    "expired": lambda env, conversion: env.clock.advance(10 * 24 * 3600),
    "deleted with its upload": lambda env, conversion: (
        env.uploads.remove(conversion.upload_id, conversion.owner),
        env.conversions.remove(conversion.id, conversion.owner),
    ),
}


def take_over(
    env: ConversionEnvironment,
    conversion: Conversion,
    script: Script = convert,
    fingerprint: str = "fingerprint",
) -> None:
    """Let another worker take the conversion over and complete it."""
    env.run_next(env.runner(FakeEngine(script, fingerprint), "winner"), conversion)


def run_in_parts(
    env: ConversionEnvironment, conversion: Conversion, interrupt: Interrupt, *bodies: bytes
) -> FakeEngine:
    return FakeEngine(convert_in_parts(*bodies, before_finish=lambda: interrupt(env, conversion)))


def run_small(
    env: ConversionEnvironment, conversion: Conversion, interrupt: Interrupt
) -> FakeEngine:
    def script(
        source: SourceBytes, sink: OutputSink, on_progress: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        result = convert(source, sink, on_progress)
        interrupt(env, conversion)
        return result

    return FakeEngine(script)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("size", ["small", "in parts"])
def test_a_cancelled_removed_or_expired_conversion_leaves_nothing(
    env: ConversionEnvironment, ending: str, size: str
) -> None:
    conversion = env.add_queued()
    engine = (
        run_small(env, conversion, ENDINGS[ending])
        if size == "small"
        else run_in_parts(env, conversion, ENDINGS[ending], b"1", b"2")
    )

    assert env.runner(engine)(conversion.id, ignore_heartbeat) is True

    assert not env.outputs(conversion)
    assert not env.open_parts(conversion)
    if ending == "cancelled":
        assert env.current(conversion).status is ConversionStatus.CANCELLED


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("phase", ["probing", "converting", "storing"])
def test_a_cancelled_removed_or_expired_conversion_ends_in_each_phase(
    env: ConversionEnvironment, monkeypatch: pytest.MonkeyPatch, ending: str, phase: str
) -> None:
    monkeypatch.setattr(progress_writer, "REPORT_EVERY", 0.0)
    conversion = env.add_queued()

    def script(
        source: SourceBytes, sink: OutputSink, on_progress: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        sink.put_part(1, b"one")
        on_progress(EngineProgress(phase, 10.0))
        ENDINGS[ending](env, conversion)
        on_progress(EngineProgress(phase, 20.0))
        raise AssertionError("the engine went on")

    assert env.runner(FakeEngine(script))(conversion.id, ignore_heartbeat) is True

    assert not env.outputs(conversion)
    assert not env.open_parts(conversion)


def test_a_cancel_ends_the_engine_at_its_next_report(env: ConversionEnvironment) -> None:
    conversion = env.add_queued()
    seen: list[str] = []

    def script(
        source: SourceBytes, sink: OutputSink, on_progress: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        sink.put_part(1, b"so that the next tick is written")
        env.conversions.cancel(conversion.id, conversion.owner)
        try:
            on_progress(EngineProgress("converting", 10.0))
        except LeaseLost:
            seen.append("ended")
            raise
        raise AssertionError("the engine went on")

    env.runner(FakeEngine(script))(conversion.id, ignore_heartbeat)

    assert seen == ["ended"]
    assert not env.open_parts(conversion)


@pytest.mark.parametrize(
    "failure", [MediaError(Failure("corrupt", "Damaged.")), ZeroDivisionError()]
)
def test_a_failure_of_a_cancelled_conversion_stays_cancelled_and_leaves_nothing(
    env: ConversionEnvironment, failure: Exception
) -> None:
    conversion = env.add_queued()

    def script(
        source: SourceBytes, sink: OutputSink, on_progress: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        sink.put_part(1, b"one")
        env.conversions.cancel(conversion.id, conversion.owner)
        raise failure

    assert env.runner(FakeEngine(script))(conversion.id, ignore_heartbeat) is True

    assert env.current(conversion).status is ConversionStatus.CANCELLED
    assert not env.open_parts(conversion)


@pytest.mark.parametrize("size", ["small", "in parts"])
def test_a_zombie_takes_its_own_output_away_and_leaves_the_winners(
    env: ConversionEnvironment, size: str
) -> None:
    """The winner has another version of ffmpeg, so nothing of the zombie's is of use to it."""
    conversion = env.add_queued()

    def lose(env: ConversionEnvironment, conversion: Conversion) -> None:
        take_over(env, conversion, fingerprint="a newer one")

    engine = (
        run_small(env, conversion, lose)
        if size == "small"
        else run_in_parts(env, conversion, lose, b"1", b"2")
    )

    assert env.runner(engine)(conversion.id, ignore_heartbeat) is True

    published = env.current(conversion).output
    assert published
    assert env.outputs(conversion) == {published.key: RESULT}
    assert published.key.endswith("/2.mp3")
    assert not env.open_parts(conversion)


def test_a_zombie_leaves_the_output_that_the_winner_made_of_its_parts(
    env: ConversionEnvironment,
) -> None:
    conversion = env.add_queued()

    def lose(env: ConversionEnvironment, conversion: Conversion) -> None:
        take_over(env, conversion, convert_in_parts(b"1", b"2"))

    assert (
        env.runner(run_in_parts(env, conversion, lose, b"1", b"2"))(conversion.id, ignore_heartbeat)
        is True
    )

    published = env.current(conversion).output
    assert published
    assert (
        env.outputs(conversion)
        == {f"outputs/{conversion.id}/1.mp3": b"12"}
        == {published.key: b"12"}
    )


def test_a_zombie_leaves_the_parts_that_the_winner_still_works_on(
    env: ConversionEnvironment,
) -> None:
    conversion = env.add_queued()

    def lose(env: ConversionEnvironment, conversion: Conversion) -> None:
        env.take_over(conversion, "winner")
        raise LeaseLost("as the next report would say")

    assert (
        env.runner(run_in_parts(env, conversion, lose, b"1", b"2"))(conversion.id, ignore_heartbeat)
        is True
    )

    assert env.open_parts(conversion) == [f"outputs/{conversion.id}/1.mp3"]


def test_a_zombie_and_the_winner_may_run_in_one_process(env: ConversionEnvironment) -> None:
    conversion = env.add_queued()
    held: list[dict[str, Conversion]] = []

    def script(
        source: SourceBytes, sink: OutputSink, on_progress: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        if len(engine.jobs) == 1:
            assert env.run_next(run, conversion) is True
            held.append(run.claimed.by_id())
        return convert(source, sink, on_progress)

    engine = FakeEngine(script)
    run = env.runner(engine)

    assert run(conversion.id, ignore_heartbeat) is True

    assert env.current(conversion).status is ConversionStatus.COMPLETED
    assert [list(each) for each in held] == [[conversion.id]], "the zombie still runs"
    assert run.claimed.by_id() == {}


def test_a_zombie_that_finishes_the_winners_upload_costs_an_attempt_and_no_more(
    env: ConversionEnvironment,
) -> None:
    """Both write the same bytes to one multipart upload, which the zombie completes."""
    conversion = env.add_queued()

    def lose(env: ConversionEnvironment, conversion: Conversion) -> None:
        assert env.take_over(conversion, "winner").output_upload

    zombie = env.runner(run_in_parts(env, conversion, lose, b"1", b"2"))
    assert zombie(conversion.id, ignore_heartbeat) is True
    assert env.current(conversion).status is ConversionStatus.CONVERTING

    third = env.runner(FakeEngine(convert_in_parts(b"1", b"2")), "third")
    assert env.run_next(third, conversion) is True

    published = env.current(conversion).output
    assert published
    assert env.outputs(conversion) == {published.key: b"12"}


def test_parts_that_vanish_under_a_worker_release_the_conversion(
    env: ConversionEnvironment,
) -> None:
    conversion = env.add_queued()

    def script(
        source: SourceBytes, sink: OutputSink, on_progress: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        sink.put_part(1, b"one")
        on_progress(EngineProgress("converting", 10.0))
        for found in list(env.multipart.list_open("outputs/")):
            env.multipart.abort(found.key, found.multipart_id)
        sink.put_part(2, b"two")
        raise AssertionError("the part had nowhere to go")

    assert env.runner(FakeEngine(script))(conversion.id, ignore_heartbeat) is False
    assert env.current(conversion).status is ConversionStatus.QUEUED
    assert (
        env.runner(FakeEngine(convert_in_parts(b"one", b"two")))(conversion.id, ignore_heartbeat)
        is True
    )
    assert env.current(conversion).status is ConversionStatus.COMPLETED


def test_what_cannot_be_cleaned_up_now_is_left_to_the_janitor(env: ConversionEnvironment) -> None:
    conversion = env.add_queued()
    engine = run_small(env, conversion, ENDINGS["cancelled"])
    failed = fail_calls(env.objects, "delete")

    assert env.runner(engine)(conversion.id, ignore_heartbeat) is True

    assert failed
    assert env.outputs(conversion)
