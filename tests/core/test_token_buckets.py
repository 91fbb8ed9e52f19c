"""Test how fast an address may use up its quota."""

from dataclasses import replace

import pytest

from libs.core.adapters.memory import MemoryQuotas
from libs.core.domain.quotas import SMALLEST_BURST, QuotaLimits, Resource
from libs.core.errors import RateLimited
from libs.core.rate_limiter import RateLimiter
from libs.core.token_buckets import MAX_BUCKETS, TokenBuckets
from tests.fakes import FakeClock
from tests.fault_injection import record_calls

UPLOADS, SESSIONS = Resource.UPLOADS, Resource.SESSIONS
PER_SECOND = 2
LIMITS = QuotaLimits(
    per_session={
        UPLOADS: 7200,
        Resource.UPLOAD_BYTES: 10,
        Resource.CONVERSIONS: 4,
        Resource.URLS: 600,
    },
    sessions_per_address=100,
    address_factor=PER_SECOND,
)
BURST = 3600


@pytest.fixture
def buckets(clock: FakeClock) -> TokenBuckets:
    return TokenBuckets(LIMITS, clock)


def test_half_of_what_a_session_may_use_can_be_used_at_once(buckets: TokenBuckets) -> None:
    assert [buckets.take("home", {UPLOADS: BURST // 2}) for _ in range(2)] == [0, 0]

    assert buckets.take("home", {UPLOADS: 1}) == 1
    assert buckets.take("elsewhere", {UPLOADS: BURST}) == 0, "each address has its own"
    assert buckets.take("home", {SESSIONS: 50}) == 0, "and each resource"


def test_then_as_many_as_the_window_has_each_second(
    buckets: TokenBuckets, clock: FakeClock
) -> None:
    buckets.take("home", {UPLOADS: BURST})
    clock.advance(10)

    taken = [buckets.take("home", {UPLOADS: 1}) for _ in range(10 * 4 + 1)]

    assert taken == [0] * (10 * 4) + [1]


def test_all_are_taken_or_none(buckets: TokenBuckets) -> None:
    assert buckets.take("home", {UPLOADS: 1, Resource.URLS: 300}) == 0

    assert buckets.take("home", {UPLOADS: 1, Resource.URLS: 300}) == 15

    assert buckets.take("home", {UPLOADS: BURST - 1}) == 0


def test_small_limits_can_be_used_up_at_once(buckets: TokenBuckets) -> None:
    assert [buckets.take("home", {Resource.CONVERSIONS: 1}) for _ in range(SMALLEST_BURST)] == (
        [0] * SMALLEST_BURST
    )


def test_more_than_a_bucket_holds_needs_a_full_one(buckets: TokenBuckets, clock: FakeClock) -> None:
    assert buckets.take("home", {UPLOADS: BURST + 40}) == 0
    assert buckets.take("home", {UPLOADS: 1}) == 11, "it owes 40 at 4 a second"

    clock.advance(10)

    assert buckets.take("home", {UPLOADS: 1}) == 1


def test_bytes_are_limited_by_their_window_alone(buckets: TokenBuckets) -> None:
    assert buckets.take("home", {Resource.UPLOAD_BYTES: 10**12}) == 0


def test_many_addresses_take_little_memory(buckets: TokenBuckets) -> None:
    for number in range(MAX_BUCKETS + 10):
        buckets.take(f"address-{number}", {UPLOADS: 1})

    assert len(buckets._buckets) <= MAX_BUCKETS


def test_a_flood_is_refused_without_a_write(clock: FakeClock) -> None:
    quotas = MemoryQuotas(clock)
    limiter = RateLimiter(quotas, LIMITS, clock)
    limiter.use("anna", "home", {UPLOADS: BURST})
    calls = record_calls(quotas, "take")

    for session in ("anna", "bert"):
        with pytest.raises(RateLimited, match="in a moment") as refused:
            limiter.use(session, "home", {UPLOADS: 1})
        assert refused.value.context["retry_after"] == 1
    assert not calls

    limiter.use("carl", "elsewhere", {UPLOADS: 1})
    clock.advance(1)
    limiter.use("anna", "home", {UPLOADS: 1})


def test_who_goes_on_after_a_refusal_costs_the_address_nothing(clock: FakeClock) -> None:
    limits = replace(LIMITS, per_session={UPLOADS: SMALLEST_BURST}, address_factor=100)
    limiter = RateLimiter(MemoryQuotas(clock), limits, clock)
    limiter.use("anna", "home", {UPLOADS: SMALLEST_BURST})
    clock.advance(60)
    for _ in range(SMALLEST_BURST + 1):
        with pytest.raises(RateLimited, match="your browser"):
            limiter.use("anna", "home", {UPLOADS: 1})

    limiter.use("bert", "home", {UPLOADS: 1})
