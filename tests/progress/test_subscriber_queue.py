"""What a subscriber is told, whatever comes and in whatever order."""

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
    """All that ever happened to a few items: versions, an end perhaps, a removal perhaps, and another life after it."""
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
def test_no_subscriber_goes_backwards_or_misses_the_last(
    happened: list[ProgressUpdate], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(happened)), label="delivered twice")
    delivered = data.draw(st.permutations(happened + again), label="delivered")
    read = data.draw(
        st.lists(st.integers(0, len(delivered)), max_size=3), label="the table is read after"
    )
    queue, told = SubscriberQueue(capacity=100), SentVersions()
    sent: list[ProgressUpdate] = []

    def collect(found: list[ProgressUpdate]) -> None:
        sent.extend(news for item in found if (news := told.next(item)))

    for number, news in enumerate(delivered):
        queue.put(news)
        if data.draw(st.booleans()):
            collect(queue.take()[0])
        if number in read:
            # A consistent read shows a state at least as late as any that was told of before; here, any state.
            collect([data.draw(st.sampled_from(happened))])
    collect(queue.take()[0])

    for item_id in {news.id for news in happened}:
        told_of = [order(news) for news in sent if news.id == item_id]
        assert told_of == sorted(set(told_of))
        assert told_of[-1] == max(order(news) for news in happened if news.id == item_id)


@given(happened=histories(), data=st.data())
def test_ends_and_removals_come_through_a_queue_of_any_size(
    happened: list[ProgressUpdate], data: st.DataObject
) -> None:
    queue = SubscriberQueue(capacity=data.draw(st.integers(1, 3)))
    for news in happened:
        queue.put(news)

    found, _ = queue.take()

    for item_id in {news.id for news in happened}:
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


def test_an_item_takes_one_place_however_often_it_changes() -> None:
    queue = SubscriberQueue(capacity=10)
    for version in range(1, 1000):
        queue.put(progress(version=version))

    assert queue.take() == ([progress(version=999)], False)


def test_an_end_and_the_removal_after_it_are_both_told() -> None:
    queue = SubscriberQueue(capacity=10)
    end, gone = progress(version=5, terminal=True), removed(version=6)
    queue.put(end)
    queue.put(gone)

    assert queue.take()[0] == [end, gone]


def test_a_queue_that_is_full_has_its_reader_read_anew() -> None:
    queue = SubscriberQueue(capacity=2)
    for name in "abc":
        queue.put(progress(name))

    found, reread = queue.take()

    assert reread
    assert len(found) <= 2


def test_what_was_taken_is_not_given_again() -> None:
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


def test_news_wakes_the_reader() -> None:
    asyncio.run(_waited(SubscriberQueue(capacity=2)))


def test_another_place_in_the_queue_is_news_of_the_same_version() -> None:
    told = SentVersions()

    assert told.next(progress(place=3)) is not None
    assert told.next(progress(place=3)) is None
    assert told.next(progress(place=2)) == progress(place=2)
    assert told.next(progress(place=None)) is None


def test_a_removal_is_told_once_and_above_all_versions() -> None:
    told = SentVersions()
    told.next(progress(version=7))

    assert told.next(removed(version=4)) == removed(version=8)
    assert told.next(removed(version=9)) is None
    assert told.next(progress(version=99)) is None


def test_only_what_is_there_is_present() -> None:
    told = SentVersions()
    told.next(progress("a"))
    told.next(progress("b"))
    told.next(removed("a"))

    assert [known.id for known in told.present()] == [progress("b").id]
    assert [known.id for known in told.queued()] == [progress("b").id]
