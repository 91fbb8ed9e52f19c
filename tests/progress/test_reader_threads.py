"""Test that the reads of one address leave threads to those of another."""

import threading

import anyio
import pytest

from services.progress.reader_threads import ReaderThreads

pytestmark = pytest.mark.anyio

TIMEOUT = 20.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class SlowTable:
    """Let reads wait until they may end, and count those that run."""

    def __init__(self) -> None:
        self.running = 0
        self.most = 0
        self.may_end = threading.Event()
        self._lock = threading.Lock()

    def read(self, owner: str) -> str:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        assert self.may_end.wait(TIMEOUT)
        with self._lock:
            self.running -= 1
        return owner


async def running(table: SlowTable, count: int) -> None:
    """Wait until so many reads run."""
    with anyio.fail_after(TIMEOUT):
        while table.running != count:
            await anyio.sleep(0.001)


async def test_many_reads_of_an_address_leave_threads_to_others() -> None:
    threads, table = ReaderThreads(threads=4, per_address=2), SlowTable()
    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(threads.run, "flooder", table.read, "flooder")
        await running(table, 2)

        assert await threads.run("bystander", str.upper, "done") == "DONE"
        table.may_end.set()
    assert table.most == 2


async def test_a_cancelled_read_counts_until_its_thread_ends() -> None:
    threads, table = ReaderThreads(threads=4, per_address=1), SlowTable()
    async with anyio.create_task_group() as group:
        group.start_soon(threads.run, "flooder", table.read, "first")
        await running(table, 1)
        group.cancel_scope.cancel()
    async with anyio.create_task_group() as group:
        group.start_soon(threads.run, "flooder", table.read, "second")
        await anyio.wait_all_tasks_blocked()
        assert await threads.run("bystander", str.upper, "done") == "DONE"
        assert table.running == 1
        table.may_end.set()
    assert table.most == 1


async def test_a_failed_or_cancelled_read_makes_room_for_the_next() -> None:
    threads = ReaderThreads(threads=1, per_address=1)
    for _ in range(3):
        with pytest.raises(ValueError, match="invalid literal"):
            await threads.run("visitor", int, "not a number")
        with anyio.CancelScope() as scope:
            scope.cancel()
            await threads.run("visitor", str.upper, "cancelled")
    with anyio.fail_after(TIMEOUT):
        assert await threads.run("visitor", str.upper, "done") == "DONE"
