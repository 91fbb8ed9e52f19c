"""Test Quotas, sentence by sentence."""

from concurrent.futures import ThreadPoolExecutor

from libs.core.adapters.aws.dynamodb.decoding import decode_item
from libs.core.domain.quotas import Quota, Resource
from tests.contracts.aws import AwsBackend
from tests.contracts.backend import Backend

WINDOW = 60


def uploads(amount: int, limit: int = 10) -> Quota:
    return Quota(Resource.UPLOADS, amount, limit)


def size(amount: int, limit: int = 10) -> Quota:
    return Quota(Resource.UPLOAD_BYTES, amount, limit)


def test_amounts_are_counted_up_to_the_limit(backend: Backend, owner: str) -> None:
    taken = [backend.quotas.take(owner, WINDOW, [uploads(4)]) for _ in range(3)]

    assert taken[:2] == [0, 0]
    assert 1 <= taken[2] <= WINDOW
    assert backend.quotas.take(owner, WINDOW, [uploads(2)]) == 0


def test_a_refused_call_counts_none_of_its_amounts(backend: Backend, owner: str) -> None:
    assert backend.quotas.take(owner, WINDOW, [uploads(1), size(9)]) == 0

    assert backend.quotas.take(owner, WINDOW, [uploads(1), size(2)]) > 0

    assert backend.quotas.take(owner, WINDOW, [uploads(9), size(1)]) == 0


def test_an_amount_over_its_limit_is_refused_at_once(backend: Backend, owner: str) -> None:
    assert backend.quotas.take(owner, WINDOW, [uploads(11)]) > 0


def test_the_next_window_begins_at_nothing(backend: Backend, owner: str) -> None:
    assert backend.quotas.take(owner, WINDOW, [uploads(10)]) == 0
    wait = backend.quotas.take(owner, WINDOW, [uploads(1)])

    backend.clock.advance(wait - 1)
    assert backend.quotas.take(owner, WINDOW, [uploads(1)]) == 1
    backend.clock.advance(1)

    assert backend.quotas.take(owner, WINDOW, [uploads(10)]) == 0


def test_subjects_and_windows_are_counted_apart(backend: Backend, owner: str) -> None:
    assert backend.quotas.take(owner, WINDOW, [uploads(10)]) == 0

    assert backend.quotas.take(f"{owner} else", WINDOW, [uploads(10)]) == 0
    assert backend.quotas.take(owner, 60 * WINDOW, [uploads(10)]) == 0


def test_calls_at_once_never_count_more_than_the_limit(backend: Backend, owner: str) -> None:
    def take(_: int) -> bool:
        return backend.quotas.take(owner, WINDOW, [uploads(1), size(1, 100)]) == 0

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(24))) == 10


def test_a_counter_expires_and_names_nobody(aws_backend: AwsBackend, owner: str) -> None:
    aws_backend.quotas.take(owner, WINDOW, [uploads(1)])

    items = aws_backend.connection.dynamodb.scan(TableName=aws_backend.table.name)["Items"]

    counters = [item for item in items if str(item["pk"]).startswith("qta_")]
    assert counters
    assert all(int(str(item["expires_at"])) > aws_backend.clock() for item in counters)
    assert all(owner not in str(item) for item in counters)
    assert all(decode_item(item) is None for item in counters)
