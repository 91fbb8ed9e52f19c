"""Test NamedLeases, sentence by sentence."""

from concurrent.futures import ThreadPoolExecutor

from libs.core.adapters.aws.dynamodb.decoding import decode_item
from tests.contracts.aws import AwsBackend
from tests.contracts.backend import Backend


def test_a_free_lease_is_granted_to_one_holder(backend: Backend, owner: str) -> None:
    assert backend.named.acquire(owner, "first", 30)
    assert not backend.named.acquire(owner, "second", 30)
    assert backend.named.acquire(f"{owner}-other", "second", 30)


def test_a_lease_is_free_again_after_its_time(backend: Backend, owner: str) -> None:
    backend.named.acquire(owner, "first", 30)

    backend.clock.advance(29)
    assert not backend.named.acquire(owner, "second", 30)
    backend.clock.advance(1)
    assert backend.named.acquire(owner, "second", 30)
    assert not backend.named.acquire(owner, "first", 30)


def test_the_holder_renews_and_shortens_its_lease(backend: Backend, owner: str) -> None:
    backend.named.acquire(owner, "first", 30)
    backend.clock.advance(20)
    assert backend.named.acquire(owner, "first", 30)
    backend.clock.advance(20)
    assert not backend.named.acquire(owner, "second", 30)

    assert backend.named.acquire(owner, "first", 5)
    backend.clock.advance(5)
    assert backend.named.acquire(owner, "second", 30)


def test_only_the_holder_releases_a_lease(backend: Backend, owner: str) -> None:
    backend.named.acquire(owner, "first", 30)

    backend.named.release(owner, "second")
    assert not backend.named.acquire(owner, "second", 30)
    backend.named.release(owner, "first")
    backend.named.release(f"{owner}-unknown", "first")
    assert backend.named.acquire(owner, "second", 30)


def test_of_many_at_once_one_gets_the_lease(backend: Backend, owner: str) -> None:
    holders = [str(number) for number in range(16)]

    with ThreadPoolExecutor(16) as pool:
        granted = list(pool.map(lambda holder: backend.named.acquire(owner, holder, 30), holders))

    assert granted.count(True) == 1


def test_a_lease_is_neither_upload_nor_conversion(aws_backend: AwsBackend, owner: str) -> None:
    aws_backend.named.acquire(owner, "first", 30)

    items = aws_backend.connection.dynamodb.scan(TableName=aws_backend.table.name)["Items"]

    leases = [item for item in items if str(item["pk"]) == f"lease_{owner}"]
    assert len(leases) == 1
    assert decode_item(leases[0]) is None
