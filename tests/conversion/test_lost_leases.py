"""A worker that loses its lease in mid-run: it ends, takes its own away, and never touches what is another's."""

from collections.abc import Callable

import pytest

from libs.core.domain.conversions import Conversion, ConversionStatus
from libs.core.errors import LeaseLost
from services.conversion.ports import (
    ConversionResult,
    EngineProgress,
    MediaError,
    OutputSink,
    SourceBytes,
)
from tests.conversion.support import (
    LEASE,
    RESULT,
    FakeEngine,
    Script,
    World,
    beating,
    convert,
    convert_in_parts,
)
from tests.fault_injection import fail_calls

Interrupt = Callable[[World, Conversion], object]

ENDINGS = {
    "cancelled": lambda world, conversion: world.conversions.cancel(
        conversion.id, conversion.owner
    ),
    "deleted": lambda world, conversion: world.conversions.remove(conversion.id, conversion.owner),
    "expired": lambda world, conversion: world.clock.advance(10 * 24 * 3600),
}


def taken_over(
    world: World, conversion: Conversion, script: Script = convert, recipe: str = "recipe"
) -> None:
    """Another worker finds the lease over, and is done before this one wakes up."""
    world.lease_ends()
    world.run(FakeEngine(script, recipe), "winner")(conversion.id, beating)


def in_parts(
    world: World, conversion: Conversion, interrupt: Interrupt, *bodies: bytes
) -> FakeEngine:
    return FakeEngine(convert_in_parts(*bodies, before_finish=lambda: interrupt(world, conversion)))


def small(world: World, conversion: Conversion, interrupt: Interrupt) -> FakeEngine:
    def script(
        source: SourceBytes, sink: OutputSink, tick: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        result = convert(source, sink, tick)
        interrupt(world, conversion)
        return result

    return FakeEngine(script)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("size", ["small", "in parts"])
def test_what_nobody_wants_any_more_leaves_nothing_behind(
    world: World, ending: str, size: str
) -> None:
    conversion = world.queued()
    engine = (
        small(world, conversion, ENDINGS[ending])
        if size == "small"
        else in_parts(world, conversion, ENDINGS[ending], b"1", b"2")
    )

    assert world.run(engine)(conversion.id, beating) is True

    assert not world.outputs(conversion)
    assert not world.open_parts(conversion)
    if ending == "cancelled":
        assert world.now(conversion).status is ConversionStatus.CANCELLED


def test_a_cancel_ends_the_engine_at_its_next_report(world: World) -> None:
    conversion = world.queued()
    seen: list[str] = []

    def script(
        source: SourceBytes, sink: OutputSink, tick: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        sink.put_part(1, b"so that the next tick is written")
        world.conversions.cancel(conversion.id, conversion.owner)
        try:
            tick(EngineProgress("converting", 10.0))
        except LeaseLost:
            seen.append("ended")
            raise
        raise AssertionError("the engine went on")

    world.run(FakeEngine(script))(conversion.id, beating)

    assert seen == ["ended"]
    assert not world.open_parts(conversion)


@pytest.mark.parametrize("failure", [MediaError("corrupt", "Damaged."), ZeroDivisionError()])
def test_a_failure_of_a_cancelled_conversion_stays_cancelled_and_leaves_nothing(
    world: World, failure: Exception
) -> None:
    conversion = world.queued()

    def script(
        source: SourceBytes, sink: OutputSink, tick: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        sink.put_part(1, b"one")
        world.conversions.cancel(conversion.id, conversion.owner)
        raise failure

    assert world.run(FakeEngine(script))(conversion.id, beating) is True

    assert world.now(conversion).status is ConversionStatus.CANCELLED
    assert not world.open_parts(conversion)


@pytest.mark.parametrize("size", ["small", "in parts"])
def test_a_zombie_takes_its_own_output_away_and_leaves_the_winners(world: World, size: str) -> None:
    """The winner has another version of ffmpeg, so nothing of the zombie's is of use to it."""
    conversion = world.queued()

    def lose(world: World, conversion: Conversion) -> None:
        taken_over(world, conversion, recipe="a newer one")

    engine = (
        small(world, conversion, lose)
        if size == "small"
        else in_parts(world, conversion, lose, b"1", b"2")
    )

    assert world.run(engine)(conversion.id, beating) is True

    published = world.now(conversion).output
    assert published
    assert world.outputs(conversion) == {published.key: RESULT}
    assert published.key.endswith("/2.mp3")
    assert not world.open_parts(conversion)


def test_a_zombie_leaves_the_output_that_the_winner_made_of_its_parts(world: World) -> None:
    conversion = world.queued()

    def lose(world: World, conversion: Conversion) -> None:
        taken_over(world, conversion, convert_in_parts(b"1", b"2"))

    assert world.run(in_parts(world, conversion, lose, b"1", b"2"))(conversion.id, beating) is True

    published = world.now(conversion).output
    assert published
    assert (
        world.outputs(conversion)
        == {f"outputs/{conversion.id}/1.mp3": b"12"}
        == {published.key: b"12"}
    )


def test_a_zombie_leaves_the_parts_that_the_winner_still_works_on(world: World) -> None:
    conversion = world.queued()

    def lose(world: World, conversion: Conversion) -> None:
        world.lease_ends()
        assert world.leases.claim(conversion.id, "winner", LEASE)
        raise LeaseLost("as the next report would say")

    assert world.run(in_parts(world, conversion, lose, b"1", b"2"))(conversion.id, beating) is True

    assert world.open_parts(conversion) == [f"outputs/{conversion.id}/1.mp3"]


def test_a_zombie_that_finishes_the_winners_upload_costs_an_attempt_and_no_more(
    world: World,
) -> None:
    """Both write the same bytes to the same multipart upload; the zombie completes it under the winner's hands."""
    conversion = world.queued()

    def lose(world: World, conversion: Conversion) -> None:
        world.lease_ends()
        claimed = world.leases.claim(conversion.id, "winner", LEASE)
        assert claimed
        assert claimed.output_upload

    zombie = world.run(in_parts(world, conversion, lose, b"1", b"2"))
    assert zombie(conversion.id, beating) is True
    assert world.now(conversion).status is ConversionStatus.CONVERTING
    world.lease_ends()

    assert (
        world.run(FakeEngine(convert_in_parts(b"1", b"2")), "third")(conversion.id, beating) is True
    )

    published = world.now(conversion).output
    assert published
    assert world.outputs(conversion) == {published.key: b"12"}


def test_parts_that_vanish_under_a_worker_hand_the_conversion_back(world: World) -> None:
    conversion = world.queued()

    def script(
        source: SourceBytes, sink: OutputSink, tick: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        sink.put_part(1, b"one")
        tick(EngineProgress("converting", 10.0))
        for found in list(world.multipart.list_open("outputs/")):
            world.multipart.abort(found.key, found.multipart_id)
        sink.put_part(2, b"two")
        raise AssertionError("the part had nowhere to go")

    assert world.run(FakeEngine(script))(conversion.id, beating) is False
    assert world.now(conversion).status is ConversionStatus.QUEUED
    assert world.run(FakeEngine(convert_in_parts(b"one", b"two")))(conversion.id, beating) is True
    assert world.now(conversion).status is ConversionStatus.COMPLETED


def test_what_cannot_be_cleaned_up_now_is_left_to_the_janitor(world: World) -> None:
    conversion = world.queued()
    engine = small(world, conversion, ENDINGS["cancelled"])
    failed = fail_calls(world.objects, "erase")

    assert world.run(engine)(conversion.id, beating) is True

    assert failed
    assert world.outputs(conversion)
