"""The worker: slots woken by messages, filled by the table, and loops that outlive whatever befalls them."""

import threading
from collections.abc import Callable, Iterator

import pytest

from libs.core.domain.conversions import Conversion
from libs.core.domain.events import ConversionQueued, FileUploaded
from services.conversion.ports import ConversionResult, EngineProgress, OutputSink, SourceBytes
from services.conversion.worker import loop
from services.conversion.worker.loop import Worker
from tests.conversion.support import LEASE, FakeEngine, World, convert
from tests.fault_injection import eventually, fail_calls, record_calls

Slots = Callable[..., Worker]


class HeldEngine(FakeEngine):
    """Conversions that tick until they are let go."""

    def __init__(self) -> None:
        super().__init__(self._hold)
        self.go = threading.Event()

    def _hold(
        self, source: SourceBytes, sink: OutputSink, tick: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        while not self.go.wait(0.01):
            tick(EngineProgress("converting", 10.0))
        return convert(source, sink, tick)


@pytest.fixture
def engine() -> Iterator[HeldEngine]:
    engine = HeldEngine()
    yield engine
    engine.go.set()


@pytest.fixture
def slots(world: World, engine: HeldEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slots]:
    """Starts a worker with so many slots; its polls and pauses are short, and it looks around only where asked to."""
    monkeypatch.setattr(loop, "POLL", 0.05)
    monkeypatch.setattr(loop, "PAUSE", 0.05)
    monkeypatch.setattr(loop, "LONGEST_PAUSE", 0.05)
    started: list[Worker] = []

    def start(number: int = 1, *, looks_around: bool = False, lease: float = 5) -> Worker:
        worker = Worker(
            world.inbox,
            world.run(engine),
            world.following,
            world.arrives,
            world.rescue,
            number,
            lease,
            drain=0.1,
        )
        if not looks_around:
            monkeypatch.setattr(worker, "_looking_around", lambda: None)
        worker.start()
        started.append(worker)
        return worker

    yield start
    engine.go.set()
    for worker in started:
        worker.stop()


def told(world: World, *conversions: Conversion) -> None:
    for conversion in conversions:
        world.inbox.send(ConversionQueued(conversion.id))


def status(world: World, conversion: Conversion) -> str:
    return world.now(conversion).status


def messages(world: World) -> int:
    """How many are left, visible or not."""
    return len(world.inbox._messages)


def test_a_message_starts_a_conversion_and_is_deleted_at_its_end(
    world: World, slots: Slots, engine: HeldEngine
) -> None:
    conversion = world.queued()
    slots()
    told(world, conversion)

    eventually(lambda: status(world, conversion) == "converting")
    assert messages(world) == 1
    engine.go.set()

    eventually(lambda: status(world, conversion) == "completed")
    eventually(lambda: messages(world) == 0)


def test_what_was_asked_for_here_starts_without_a_message_and_its_message_finds_it_begun(
    world: World, slots: Slots, engine: HeldEngine
) -> None:
    conversion = world.queued()
    worker = slots(2)

    worker.wake(conversion.id)
    eventually(lambda: status(world, conversion) == "converting")
    told(world, conversion)

    eventually(lambda: messages(world) == 0)
    assert len(engine.jobs) == 1


def test_nobody_is_woken_who_has_not_begun_or_is_about_to_end(
    world: World, slots: Slots, engine: HeldEngine
) -> None:
    asleep = Worker(
        world.inbox, world.run(engine), world.following, world.arrives, world.rescue, 1, LEASE
    )
    ended = slots()
    ended.stop()

    for worker in (asleep, ended):
        worker.wake(world.queued().id)

    assert not asleep._running
    assert not ended._running


def test_a_file_that_arrives_starts_what_waits_for_it(world: World, slots: Slots) -> None:
    upload, (conversion,) = world.begun()
    world.store(upload)
    slots()

    world.inbox.send(FileUploaded(upload.id))

    eventually(lambda: status(world, conversion) == "converting")
    eventually(lambda: messages(world) == 0)


def test_several_files_in_one_message_all_arrive(world: World, slots: Slots) -> None:
    begun = [world.begun() for _ in range(3)]
    for upload, _ in begun:
        world.store(upload)
    slots()

    world.inbox.send(*(FileUploaded(upload.id) for upload, _ in begun))

    eventually(
        lambda: sorted(status(world, c) for _, (c,) in begun) == ["converting", "queued", "queued"]
    )


def test_no_more_run_at_once_than_there_are_slots(
    world: World, slots: Slots, engine: HeldEngine
) -> None:
    queued = [world.queued(f"owner-{n}") for n in range(5)]
    slots(2)
    told(world, *queued)

    eventually(lambda: messages(world) == len(engine.jobs) == 2)
    assert sorted(status(world, c) for c in queued) == ["converting"] * 2 + ["queued"] * 3


def test_what_found_no_slot_is_taken_from_the_table_when_one_is_free(
    world: World, slots: Slots, engine: HeldEngine
) -> None:
    queued = [world.queued(f"owner-{n}") for n in range(5)]
    slots(2)
    told(world, *queued)
    eventually(lambda: len(engine.jobs) == 2)

    engine.go.set()

    eventually(lambda: all(status(world, c) == "completed" for c in queued))


def test_a_message_told_twice_makes_one_conversion(
    world: World, slots: Slots, engine: HeldEngine
) -> None:
    conversion = world.queued()
    slots(2)
    told(world, conversion, conversion, conversion)

    eventually(lambda: messages(world) == 1)
    engine.go.set()

    eventually(lambda: messages(world) == 0)
    assert len(engine.jobs) == 1
    assert world.now(conversion).attempts == 1


def test_a_message_that_comes_back_after_the_end_is_deleted(
    world: World, slots: Slots, engine: HeldEngine
) -> None:
    conversion = world.queued()
    world.conversions.cancel(conversion.id, conversion.owner)
    slots()

    told(world, conversion)

    eventually(lambda: messages(world) == 0)
    assert not engine.jobs


def test_a_message_about_what_another_worker_holds_never_ends_among_the_dead_letters(
    world: World, slots: Slots
) -> None:
    conversion = world.queued()
    world.leases.claim(conversion.id, "another", LEASE)
    slots()

    told(world, conversion)

    eventually(lambda: messages(world) == 0)
    assert not world.inbox.dead_letters


def test_a_message_that_nobody_can_read_is_left_for_the_dead_letters(
    world: World, slots: Slots
) -> None:
    conversion = world.queued()
    slots()
    world.inbox.send(readable=False)
    told(world, conversion)

    eventually(lambda: status(world, conversion) == "converting")
    assert messages(world) == 2


def test_the_message_stays_hidden_as_long_as_its_conversion_runs(
    world: World, slots: Slots, engine: HeldEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.conversion.worker.attempt.REPORT_EVERY", 0.01)
    conversion = world.queued()
    hidden = record_calls(world.inbox, "hide")
    slots(lease=0.03)  # of which each third hides it again
    told(world, conversion)

    eventually(lambda: len(hidden) >= 5)
    engine.go.set()

    eventually(lambda: messages(world) == 0)


def test_a_conversion_of_which_no_message_tells_is_found_by_looking_around(
    world: World, slots: Slots, engine: HeldEngine
) -> None:
    engine.go.set()
    forgotten, abandoned = world.queued(), world.queued("ben")
    world.leases.claim(abandoned.id, "killed", LEASE)
    world.lease_ends()

    slots(looks_around=True, lease=0.15)

    eventually(lambda: {status(world, forgotten), status(world, abandoned)} == {"completed"})


def test_the_loops_outlive_any_exception(world: World, slots: Slots, engine: HeldEngine) -> None:
    engine.go.set()
    faults = [
        fail_calls(world.inbox, "receive", 3),
        fail_calls(world.inbox, "receive", 3, error=ZeroDivisionError()),
    ]
    conversion = world.queued()
    slots()
    told(world, conversion)

    eventually(lambda: status(world, conversion) == "completed")
    assert [len(failed) for failed in faults] == [3, 3]


def test_a_failing_look_around_gives_its_slot_back(
    world: World, slots: Slots, engine: HeldEngine
) -> None:
    """One slot, and more failures than slots: it must be free when the table answers again."""
    engine.go.set()
    failed = fail_calls(world.queue, "in_phase", 4)
    conversion = world.queued()

    slots(looks_around=True, lease=0.15)

    eventually(lambda: status(world, conversion) == "completed")
    assert len(failed) == 4


def test_a_rescue_that_fails_keeps_nobody_from_looking_around(
    world: World, slots: Slots, engine: HeldEngine
) -> None:
    engine.go.set()
    world.begun()
    world.clock.advance(1000)
    failed = fail_calls(world.objects, "head", None, error=ZeroDivisionError())
    conversion = world.queued()

    slots(looks_around=True, lease=0.15)

    eventually(lambda: status(world, conversion) == "completed")
    eventually(lambda: failed)


@pytest.mark.parametrize("method", ["claim", "publish", "release"])
def test_a_slot_that_fails_is_free_again(
    world: World, slots: Slots, engine: HeldEngine, method: str
) -> None:
    engine.go.set()
    fail_calls(world.leases, method, 8)
    first, second = world.queued(), world.queued("ben")

    slots(looks_around=True, lease=0.15)

    def both_completed() -> bool:
        world.clock.advance(LEASE)
        return status(world, first) == status(world, second) == "completed"

    eventually(both_completed)


def test_an_arrival_that_cannot_be_written_now_comes_again(world: World, slots: Slots) -> None:
    upload, (conversion,) = world.begun()
    world.store(upload)
    fail_calls(world.uploads, "mark_uploaded")
    slots()
    world.inbox.send(FileUploaded(upload.id))

    def started() -> bool:
        world.clock.advance(1)
        return status(world, conversion) == "converting"

    eventually(started)


def test_without_slots_nothing_is_received(world: World, slots: Slots) -> None:
    received = record_calls(world.inbox, "receive")

    slots(0).stop()

    assert not received
