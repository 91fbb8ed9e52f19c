"""Queue updates for a subscriber, in any order of arrival."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from libs.core.domain.ids import derived_id
from libs.core.domain.progress import Progress
from services.progress.subscription import (
    ProgressUpdate,
    RemovalNotice,
    SentVersions,
    SubscriberQueue,
    order,
)


def progress(
    name: str = "a",
    version: int = 1,
    *,
    created_at: float = 1.0,
    terminal: bool = False,
    place: int | None = None,
) -> Progress:
    return Progress(
        id=derived_id("conversion", name),
        kind="conversion",
        status="completed" if terminal else "queued",
        phase="done" if terminal else "queued",
        percent=0.0,
        version=version,
        updated_at=1.0,
        terminal=terminal,
        queue_position=place,
        created_at=created_at,
    )


def removed(name: str = "a", version: int = 2, created_at: float = 1.0) -> RemovalNotice:
    return RemovalNotice(derived_id("conversion", name), "conversion", version, created_at)


@st.composite
def histories(draw: st.DrawFn) -> list[ProgressUpdate]:
    """Generate all changes of a few items: versions, an end, a removal, a new life under the id."""
    happened: list[ProgressUpdate] = []
    for name in draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True)):
        for life in range(1, draw(st.integers(1, 2)) + 1):
            versions = draw(st.integers(1, 6))
            ends = draw(st.booleans())
            happened += [
                progress(name, v, created_at=life, terminal=ends and v == versions)
                for v in range(1, versions + 1)
            ]
            if life == 1 or draw(st.booleans()):
                happened.append(removed(name, versions + 1, life))
    return happened


@given(happened=histories(), data=st.data())
def test_versions_increase_and_the_last_is_never_missed(
    happened: list[ProgressUpdate], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(happened)), label="delivered twice")
    delivered = data.draw(st.permutations(happened + again), label="delivered")
    read = data.draw(
        st.lists(st.integers(0, len(delivered)), max_size=3), label="the table is read after"
    )
    queue, sent_versions = SubscriberQueue(capacity=100), SentVersions()
    sent: list[ProgressUpdate] = []

    def collect(found: list[ProgressUpdate]) -> None:
        sent.extend(update for item in found if (update := sent_versions.next(item)))

    for number, update in enumerate(delivered):
        queue.put(update)
        if data.draw(st.booleans()):
            collect(queue.take()[0])
        if number in read:
            # A consistent read is no older than what was sent before; here it may be anything.
            collect([data.draw(st.sampled_from(happened))])
    collect(queue.take()[0])

    for item_id in {update.id for update in happened}:
        orders = [order(update) for update in sent if update.id == item_id]
        assert orders == sorted(set(orders))
        assert orders[-1] == max(order(update) for update in happened if update.id == item_id)


@given(happened=histories(), data=st.data())
def test_ends_and_removals_pass_a_queue_of_any_size(
    happened: list[ProgressUpdate], data: st.DataObject
) -> None:
    queue = SubscriberQueue(capacity=data.draw(st.integers(1, 3)))
    for update in happened:
        queue.put(update)

    found, _ = queue.take()

    for item_id in {update.id for update in happened}:
        kinds = [
            [order(n) for n in found if n.id == item_id and isinstance(n, RemovalNotice)],
            [order(n) for n in found if n.id == item_id and isinstance(n, Progress) and n.terminal],
        ]
        expected = [
            max(
                (order(n) for n in happened if n.id == item_id and isinstance(n, RemovalNotice)),
                default=None,
            ),
            max(
                (order(n) for n in happened if n.id == item_id and isinstance(n, Progress)),
                default=None,
            ),
        ]
        assert kinds[0] == [expected[0]] * (expected[0] is not None)
        last = max((n for n in happened if n.id == item_id and isinstance(n, Progress)), key=order)
        if last.terminal:
            assert kinds[1] == [expected[1]]


def test_an_item_takes_one_entry_however_often_it_changes() -> None:
    queue = SubscriberQueue(capacity=10)
    for version in range(1, 1000):
        queue.put(progress(version=version))

    assert queue.take() == ([progress(version=999)], False)


def test_an_end_and_the_removal_after_it_are_both_sent() -> None:
    queue = SubscriberQueue(capacity=10)
    end, gone = progress(version=5, terminal=True), removed(version=6)
    queue.put(end)
    queue.put(gone)

    assert queue.take()[0] == [end, gone]


def test_a_full_queue_makes_its_reader_read_again() -> None:
    queue = SubscriberQueue(capacity=2)
    for name in "abc":
        queue.put(progress(name))

    found, reread = queue.take()

    assert reread
    assert len(found) <= 2


class CountedProgress(Progress):
    """Count how often it is asked whether a state is final."""

    asked = 0

    def __getattribute__(self, name: str) -> object:
        if name == "terminal":
            CountedProgress.asked += 1
        return super().__getattribute__(name)


def test_more_ends_than_a_queue_holds_are_looked_at_once_each() -> None:
    """The event loop does it. Looking at all of them at each update takes seconds of its time."""
    queue = SubscriberQueue(capacity=10)
    ends = [progress(f"{n}", terminal=True) for n in range(500)]
    CountedProgress.asked = 0
    for end in ends:
        queue.put(CountedProgress(**vars(end)))
        queue.put(progress("a"))

    assert CountedProgress.asked == len(ends)
    assert [update.id for update in queue.take()[0]] == [end.id for end in ends]


def test_an_update_is_taken_once() -> None:
    queue = SubscriberQueue(capacity=2)
    queue.put(progress())
    queue.request_reread()
    queue.take()

    assert queue.take() == ([], False)


async def _waited(queue: SubscriberQueue) -> None:
    waiting = asyncio.create_task(queue.wait(60))
    await asyncio.sleep(0)
    queue.put(progress())
    await asyncio.wait_for(waiting, 5)


def test_an_update_wakes_the_reader() -> None:
    asyncio.run(_waited(SubscriberQueue(capacity=2)))


def test_another_queue_position_is_an_update_of_the_same_version() -> None:
    sent_versions = SentVersions()

    assert sent_versions.next(progress(place=3)) is not None
    assert sent_versions.next(progress(place=3)) is None
    assert sent_versions.next(progress(place=2)) == progress(place=2)
    assert sent_versions.next(progress(place=None)) is None


def test_a_removal_is_sent_once_with_the_highest_version() -> None:
    sent_versions = SentVersions()
    sent_versions.next(progress(version=7))

    assert sent_versions.next(removed(version=4)) == removed(version=8)
    assert sent_versions.next(removed(version=9)) is None
    assert sent_versions.next(progress(version=99)) is None


def test_removed_items_are_not_present() -> None:
    sent_versions = SentVersions()
    sent_versions.next(progress("a"))
    sent_versions.next(progress("b"))
    sent_versions.next(removed("a"))

    assert [known.id for known in sent_versions.present()] == [progress("b").id]
    assert [known.id for known in sent_versions.queued()] == [progress("b").id]
