"""Test that long conversions pause for those of others, and are continued in turn."""

from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace

import pytest

from libs.core.domain.conversions import Conversion, LossMeaning
from services.conversion.ports import ConversionResult, EngineProgress, OutputSink, SourceBytes
from services.conversion.worker import loop, pausing, progress_writer, time_sharing
from services.conversion.worker.slot_use import SlotUse
from services.conversion.worker.slots import NEVER, Slots
from services.conversion.worker.time_sharing import TimeSharing
from tests.conversion.support import ConversionEnvironment, FakeEngine, convert
from tests.conversion.worker.support import HeldEngine, StartWorker, new_worker
from tests.fakes import FakeClock
from tests.fault_injection import eventually


def test_a_slot_goes_from_hand_to_hand() -> None:
    slots = Slots(1)
    sharing = TimeSharing(slots, FakeClock())
    assert slots.acquire()
    long = sharing.begin("long")

    assert sharing.pause(long, "short")
    assert not sharing.pause(long, "short"), "once is enough"
    assert sharing.paused() == {"long"}
    assert not slots.is_alone
    short = sharing.begin("short")
    assert sharing.end(short), "it still had the slot"
    assert sharing.resume("long")
    assert sharing.end(long)
    assert slots.is_alone


def test_a_conversion_that_ends_while_paused_has_no_slot_to_return() -> None:
    slots = Slots(1)
    sharing = TimeSharing(slots, FakeClock())
    assert slots.acquire()
    long = sharing.begin("long")
    assert sharing.pause(long, "short")

    assert not sharing.end(long)

    assert not sharing.resume("long")
    assert slots.is_alone, "the slot is of the one that it paused for"


def test_a_duplicate_start_does_not_end_the_turn_of_a_conversion() -> None:
    sharing = TimeSharing(Slots(2), FakeClock())
    long = sharing.begin("long")
    duplicate = sharing.begin("long")
    assert sharing.end(duplicate)

    assert sharing.pause(long, "short")
    assert sharing.end(sharing.begin("long")), "a duplicate is not the one that is paused"
    assert sharing.resume("long")
    assert not long.is_paused


def full_of_paused(sharing: TimeSharing) -> None:
    for n in range(time_sharing.PAUSED_PER_SLOT):
        assert sharing.pause(sharing.begin(f"long-{n}"), "another")


def test_sessions_of_one_client_leave_places_to_others() -> None:
    sharing = TimeSharing(Slots(1), FakeClock())
    assert sharing.pause(sharing.begin("first"), "second", is_of_same_client=True)
    second = sharing.begin("second")

    assert not sharing.pause(second, "third", is_of_same_client=True)
    assert not second.must_yield
    assert sharing.pause(second, "first", is_of_same_client=True), "they take turns"
    assert sharing.resume("first")
    assert sharing.paused() == {"second"}
    (first,) = (use for use in sharing._uses if not use.is_paused)
    assert sharing.pause(first, "of a bystander")


@pytest.mark.parametrize(
    ("seconds_left", "may_displace", "client_has_others", "must_yield"),
    [
        (NEVER, True, False, True),
        (7200.0, True, False, True),
        (7200.0, False, True, False),
        (600.0, True, False, False),
        (600.0, True, True, True),
    ],
)
def test_one_too_many_to_keep_in_memory_is_handed_over_if_it_has_much_left_or_is_one_of_many(
    seconds_left: float, may_displace: bool, client_has_others: bool, must_yield: bool
) -> None:
    sharing = TimeSharing(Slots(1), FakeClock())
    full_of_paused(sharing)
    last = sharing.begin("last")
    last.seconds_left = seconds_left

    assert not sharing.pause(
        last, "new", may_displace=may_displace, client_has_others=client_has_others
    )
    assert last.must_yield is must_yield


def test_paused_conversions_can_be_swapped_when_no_place_is_free() -> None:
    sharing = TimeSharing(Slots(1), FakeClock())
    full_of_paused(sharing)
    last = sharing.begin("last")

    assert sharing.pause(last, "long-0")
    assert sharing.resume("long-0")
    assert sharing.paused() == {"long-1", "last"}


def test_looks_at_a_long_queue_take_a_small_part_of_the_time(
    env: ConversionEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, looks = FakeClock(), list[float]()
    monkeypatch.setattr(pausing, "time", SimpleNamespace(monotonic=clock))
    monkeypatch.setattr(TimeSharing, "pausable", lambda *_: [SlotUse("long", 0.0)])
    worker = new_worker(env, HeldEngine(), slots=1)
    assert worker._slots.acquire()

    def order(**_: object) -> list[Conversion]:
        looks.append(clock())
        clock.advance(2.0)
        return []

    vars(worker._pause_for_others)["_choose_next"] = SimpleNamespace(order=order)
    for _ in range(24):
        worker._pause_for_others()
        clock.advance(1.0)

    between = 2.0 + 2.0 * pausing.CHECK_DELAY_FACTOR
    assert {after - before for before, after in pairwise(looks)} == {between}


class PausingEngine(FakeEngine):
    """Take `steps` reports for each conversion of a session, in which nothing is done in pauses."""

    def __init__(self, steps: dict[str, int]) -> None:
        super().__init__(self._work)
        self._steps = steps
        self.owners: dict[str, str] = {}
        self.ended: list[str] = []

    def _work(
        self, source: SourceBytes, sink: OutputSink, on_progress: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        job = self.jobs[-1]
        left = self._steps[self.owners[job.conversion_id]]
        while left:
            on_progress(EngineProgress("converting", 10.0, eta_seconds=1000.0 + left))
            left -= not job.is_paused()
        self.ended.append(self.owners[job.conversion_id])
        return convert(source, sink, on_progress)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_writer, "REPORT_EVERY", 0.01)
    monkeypatch.setattr(loop, "LONGEST_POLL_PAUSE", 0.05)
    monkeypatch.setattr(pausing, "CHECK_EVERY", 0.02)
    monkeypatch.setattr(time_sharing, "TURN", 0.1)


def running(env: ConversionEnvironment, *conversions: Conversion) -> bool:
    return all(env.current(c).percent for c in conversions)


def test_one_session_never_keeps_all_slots_while_another_waits(
    env: ConversionEnvironment, engine: HeldEngine, start_worker: StartWorker
) -> None:
    long = [env.add_queued("anna") for _ in range(2)]
    worker = start_worker(slots=2, polls_queue=True)
    eventually(lambda: running(env, *long))

    waiting = env.add_queued("ben")

    eventually(lambda: running(env, waiting))
    assert len(worker._sharing.paused()) == 1
    assert {env.current(c).status for c in long} == {"converting"}, "the paused one keeps its lease"
    engine.go.set()
    eventually(lambda: all(env.current(c).status == "completed" for c in (*long, waiting)))
    assert [env.current(c).attempts for c in long] == [1, 1], "no work was lost"
    eventually(lambda: worker._slots._taken == worker._slots._paused == 0)


def test_one_client_never_keeps_all_slots_while_another_waits(
    env: ConversionEnvironment, engine: HeldEngine, start_worker: StartWorker
) -> None:
    long = [env.add_queued(f"session-{n}", client="hog") for n in range(8)]
    worker = start_worker(slots=2, polls_queue=True)
    eventually(lambda: len(worker._sharing.paused()) >= 2)
    eventually(lambda: sum(running(env, c) for c in long) >= 4)

    waiting = env.add_queued("ben", client="bystander")

    eventually(lambda: running(env, waiting))
    percent = env.current(waiting).version
    eventually(lambda: env.current(waiting).version > percent + 20)
    assert env.current(waiting).loss_meaning is LossMeaning.SHARED, "it is not paused for them"


def test_an_endless_conversion_and_short_ones_take_turns_in_one_slot(
    env: ConversionEnvironment, engine: HeldEngine, start_worker: StartWorker
) -> None:
    endless = env.add_queued("anna")
    worker = start_worker(slots=1, polls_queue=True)
    eventually(lambda: running(env, endless))
    assert env.current(endless).loss_meaning is LossMeaning.ALONE
    short = env.add_queued("ben")
    eventually(lambda: running(env, short))

    assert worker._sharing.paused() == {endless.id}
    assert env.current(endless).loss_meaning is LossMeaning.SHARED, "it is no longer alone"
    assert env.current(short).loss_meaning is LossMeaning.SHARED
    # Both are long here, so each is paused for the other in turn.
    eventually(lambda: worker._sharing.paused() == {short.id})
    eventually(lambda: worker._sharing.paused() == {endless.id})


def test_a_paused_conversion_can_be_cancelled(
    env: ConversionEnvironment, engine: HeldEngine, start_worker: StartWorker
) -> None:
    paused = env.add_queued("anna")
    worker = start_worker(slots=1, polls_queue=True)
    eventually(lambda: running(env, paused))
    env.add_queued("ben")
    eventually(lambda: paused.id in worker._sharing.paused())

    env.conversions.cancel(paused.id, "anna")

    eventually(lambda: paused.id not in worker._claimed.by_id())
    engine.go.set()
    eventually(lambda: worker._slots._taken == worker._slots._paused == 0)


def test_a_worker_that_stops_hands_over_what_is_paused(
    env: ConversionEnvironment, engine: HeldEngine
) -> None:
    long, other = env.add_queued("anna"), env.add_queued("ben")
    worker = new_worker(env, engine, slots=1, drain=5.0)
    worker.start()
    eventually(lambda: worker._sharing.paused())

    worker.stop()

    assert [env.current(c).status for c in (long, other)] == ["queued", "queued"]
    assert [env.current(c).yielded for c in (long, other)] == [1, 1]


@pytest.mark.timeout(60)
def test_sessions_with_endless_conversions_do_not_keep_others_from_ending(
    env: ConversionEnvironment,
) -> None:
    engine = PausingEngine({"anna": 10**9, "ben": 10**9, "cleo": 5})
    worker = new_worker(env, engine, slots=2)
    for owner in ("anna", "anna", "ben", "ben"):
        engine.owners[env.add_queued(owner).id] = owner
    worker.start()
    eventually(lambda: len(worker._claimed.by_id()) >= 2)
    for _ in range(4):
        engine.owners[env.add_queued("cleo").id] = "cleo"

    eventually(lambda: engine.ended == ["cleo"] * 4, 30)

    worker.stop()


@pytest.mark.timeout(120)
def test_one_client_does_not_use_up_the_pauses_while_others_come_one_by_one(
    env: ConversionEnvironment,
) -> None:
    """The slot of a short conversion goes back to what was paused for it, not to one more."""
    hog = [f"session-{n}" for n in range(6)]
    others = [f"bystander-{n}" for n in range(8)]
    engine = PausingEngine(dict.fromkeys(hog, 10**9) | dict.fromkeys(others, 5))
    worker = new_worker(env, engine, slots=2)
    for owner in hog * 3:
        engine.owners[env.add_queued(owner, client="hog").id] = owner
    worker.start()
    eventually(lambda: len(worker._sharing.paused()) == 2)

    for count, owner in enumerate(others, 1):
        engine.owners[env.add_queued(owner, client=owner).id] = owner
        eventually(lambda count=count: len(engine.ended) == count, 30)  # type: ignore[misc]

    assert engine.ended == others
    assert len(worker._sharing.paused()) <= 3
    worker.stop()
