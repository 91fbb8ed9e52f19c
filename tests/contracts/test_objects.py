"""Test the contract of ObjectStore."""

import pytest

from libs.core.errors import ObjectMissing
from tests.contracts.backend import Backend

BODY = bytes(range(256)) * 4096  # 1 MiB: several blocks on every backend


@pytest.fixture
def key(backend: Backend, prefix: str) -> str:
    """Store an object with BODY, and return its key."""
    backend.objects.put(f"{prefix}song", BODY, "audio/wav", {})
    return f"{prefix}song"


def test_head_returns_key_size_and_etag(backend: Backend, prefix: str) -> None:
    etag = backend.objects.put(f"{prefix}a", b"12345", "audio/wav", {})

    info = backend.objects.head(f"{prefix}a")

    assert (info.key, info.size, info.etag) == (f"{prefix}a", 5, etag)


def test_etags_have_no_quotes(backend: Backend, prefix: str) -> None:
    assert '"' not in backend.objects.put(f"{prefix}a", b"12345", "audio/wav", {})


def test_head_of_a_missing_key_raises_object_missing(backend: Backend, prefix: str) -> None:
    with pytest.raises(ObjectMissing):
        backend.objects.head(f"{prefix}nothing")


def test_read_returns_the_whole_object(backend: Backend, key: str) -> None:
    assert b"".join(backend.objects.read(key, 0, len(BODY))) == BODY


@pytest.mark.parametrize(
    ("start", "end"), [(0, 1), (255, 257), (len(BODY) - 1, len(BODY)), (1000, 900_001)]
)
def test_read_returns_a_range_without_its_end(
    backend: Backend, key: str, start: int, end: int
) -> None:
    assert b"".join(backend.objects.read(key, start, end)) == BODY[start:end]


def test_read_of_an_empty_range_returns_nothing(backend: Backend, key: str) -> None:
    assert b"".join(backend.objects.read(key, 10, 10)) == b""


def test_read_beyond_the_end_returns_the_rest(backend: Backend, key: str) -> None:
    assert b"".join(backend.objects.read(key, len(BODY) - 3, len(BODY) + 100)) == BODY[-3:]


def test_read_sends_no_request_before_the_first_block(backend: Backend, prefix: str) -> None:
    blocks = backend.objects.read(f"{prefix}later", 0, 3)
    backend.objects.put(f"{prefix}later", b"now", "audio/wav", {})

    assert b"".join(blocks) == b"now"


def test_read_of_a_missing_key_raises_object_missing_at_the_first_block(
    backend: Backend, prefix: str
) -> None:
    blocks = backend.objects.read(f"{prefix}nothing", 0, 3)

    with pytest.raises(ObjectMissing):
        next(blocks)


def test_closing_a_read_in_the_middle_ends_it(backend: Backend, key: str) -> None:
    blocks = backend.objects.read(key, 0, len(BODY))
    first = next(blocks)
    blocks.close()  # type: ignore[attr-defined]  # every adapter's iterator is a generator

    assert list(blocks) == []
    assert BODY.startswith(first)
    assert len(first) < len(BODY)


def test_put_replaces_the_object(backend: Backend, key: str) -> None:
    backend.objects.put(key, b"other", "audio/wav", {})

    assert b"".join(backend.objects.read(key, 0, 5)) == b"other"


def test_put_keeps_media_type_and_metadata(backend: Backend, prefix: str) -> None:
    backend.objects.put(f"{prefix}a", b"x", "audio/flac", {"trace": "00-ab-cd-01"})

    assert backend.metadata_of(f"{prefix}a") == ("audio/flac", {"trace": "00-ab-cd-01"})


def test_list_returns_the_objects_under_the_prefix(backend: Backend, prefix: str) -> None:
    for name in ("in/a", "in/b/c", "inside", "out/a"):
        backend.objects.put(prefix + name, b"123", "audio/wav", {})

    found = list(backend.objects.list(f"{prefix}in/"))

    assert [(info.key, info.size) for info in found] == [
        (f"{prefix}in/a", 3),
        (f"{prefix}in/b/c", 3),
    ]


def test_list_begins_after_a_key(backend: Backend, prefix: str) -> None:
    for name in ("a", "b", "c/d"):
        backend.objects.put(prefix + name, b"123", "audio/wav", {})

    def names(after: str) -> list[str]:
        return [info.key.removeprefix(prefix) for info in backend.objects.list(prefix, after)]

    assert names(f"{prefix}a") == names(f"{prefix}aa") == ["b", "c/d"]
    assert names(f"{prefix}c/d") == []
    assert names("") == names(prefix) == ["a", "b", "c/d"]


def test_list_of_an_unused_prefix_is_empty(backend: Backend, prefix: str) -> None:
    assert list(backend.objects.list(prefix)) == []


@pytest.mark.parametrize("name", ["Für Elise & 50 % + mehr.wav", "日本語 ♫", "a//b", "quote'\"<>"])
def test_keys_may_have_any_characters(backend: Backend, prefix: str, name: str) -> None:
    key = prefix + name
    backend.objects.put(key, b"1", "audio/wav", {})

    assert [info.key for info in backend.objects.list(prefix)] == [key]
    assert backend.objects.delete([key]) == []
    assert list(backend.objects.list(prefix)) == []


def test_delete_counts_a_missing_object_as_deleted(backend: Backend, key: str, prefix: str) -> None:
    assert list(backend.objects.delete([f"{prefix}nothing", key, key])) == []

    with pytest.raises(ObjectMissing):
        backend.objects.head(key)


def test_delete_of_no_keys_does_nothing(backend: Backend) -> None:
    assert list(backend.objects.delete([])) == []


def test_list_and_delete_go_beyond_a_thousand_objects(backend: Backend, prefix: str) -> None:
    keys = [f"{prefix}{number:04}" for number in range(1_001)]
    for key in keys:
        backend.objects.put(key, b"", "audio/wav", {})
    assert [info.key for info in backend.objects.list(prefix)] == keys

    assert list(backend.objects.delete(iter(keys))) == []

    assert list(backend.objects.list(prefix)) == []
