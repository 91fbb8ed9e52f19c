"""Test the store of the emulator, with and without a disk that can be written."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.emulator.durability import store as store_module
from deploy.local.emulator.durability.store import StateStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    opened = StateStore(tmp_path / "state" / "state.db")
    yield opened
    opened.close()


def on_disk(path: Path) -> dict[str, str]:
    """Read the items by a connection of its own, as a process does after a crash."""
    connection = sqlite3.connect(path / "state" / "state.db")
    found = dict(connection.execute("SELECT key, value FROM state WHERE kind = 'item'"))
    connection.close()
    return found


def test_flushed_changes_are_on_disk(store: StateStore, tmp_path: Path) -> None:
    for number in range(1000):
        store.put("item", str(number), "first")
    store.put("item", "7", "second")
    store.put("item", "8", None)

    asyncio.run(store.flush())

    found = on_disk(tmp_path)
    assert len(found) == 999
    assert found["7"] == "second"
    assert "8" not in found


def test_flush_without_changes_returns_at_once(store: StateStore) -> None:
    asyncio.run(store.flush())


def test_many_waiting_requests_share_commits(store: StateStore, tmp_path: Path) -> None:
    commits: list[int] = []
    commit = store._commit

    def counted(changes: Any) -> Any:
        commits.append(len(changes))
        return commit(changes)

    store._commit = counted  # type: ignore[method-assign]

    async def write(number: int) -> None:
        store.put("item", str(number), "value")
        await store.flush()

    async def write_all() -> None:
        await asyncio.gather(*(write(number) for number in range(200)))

    asyncio.run(write_all())

    assert len(on_disk(tmp_path)) == 200
    assert sum(commits) == 200
    assert len(commits) < 20


def test_failed_commit_is_reported_and_repeated(
    store: StateStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "RETRY_INTERVAL", 0.01)
    failures = [sqlite3.OperationalError("disk is full")]
    commit = store._commit

    def fail_once(changes: Any) -> Any:
        return failures.pop() if failures else commit(changes)

    store._commit = fail_once  # type: ignore[method-assign]

    async def write() -> None:
        store.put("item", "1", "value")
        with pytest.raises(sqlite3.OperationalError, match="disk is full"):
            await store.flush()
        await store.flush()

    asyncio.run(write())

    assert on_disk(tmp_path) == {"1": "value"}


def test_values_are_loaded_by_kind(tmp_path: Path) -> None:
    first = StateStore(tmp_path / "state.db")
    first.put("item", "1", "an item")
    first.put("message", "1", "a message")
    first.close()

    second = StateStore(tmp_path / "state.db")

    assert second.load("item") == {"1": "an item"}
    assert second.load("message") == {"1": "a message"}
    second.close()
