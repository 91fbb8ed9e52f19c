"""Test limits of sessions and addresses, and which refusals are remembered."""

import pytest

from libs.core.adapters.memory import MemoryQuotas
from libs.core.domain.quotas import DAY, HOUR, QuotaLimits, Resource
from libs.core.errors import RateLimited
from libs.core.rate_limiter import RateLimiter, Usage
from tests.fakes import FakeClock
from tests.fault_injection import record_calls

LIMITS = QuotaLimits(
    per_session={
        Resource.UPLOADS: 3,
        Resource.UPLOAD_BYTES: 100,
        Resource.CONVERSIONS: 3,
        Resource.CONVERSIONS_OF_DAY: 5,
        Resource.URLS: 10,
    },
    sessions_per_address=2,
    address_factor=2,
)


@pytest.fixture
def quotas(clock: FakeClock) -> MemoryQuotas:
    return MemoryQuotas(clock)


@pytest.fixture
def limiter(quotas: MemoryQuotas, clock: FakeClock) -> RateLimiter:
    return RateLimiter(quotas, LIMITS, clock)


def refuse(limiter: RateLimiter, session: str, address: str, **amounts: int) -> int:
    """Return the seconds of a refusal."""
    with pytest.raises(RateLimited) as refused:
        use(limiter, session, address, **amounts)
    return int(refused.value.context["retry_after"])


def use(limiter: RateLimiter, session: str, address: str, **amounts: int) -> None:
    limiter.use(session, address, {Resource(name): amount for name, amount in amounts.items()})


def test_a_session_and_its_address_have_limits(limiter: RateLimiter) -> None:
    use(limiter, "anna", "home", uploads=3)
    refuse(limiter, "anna", "home", uploads=1)
    refuse(limiter, "anna", "elsewhere", uploads=1)

    use(limiter, "bert", "home", uploads=3)
    refuse(limiter, "carl", "home", uploads=1)

    use(limiter, "carl", "elsewhere", uploads=2)


def test_a_refusal_is_repeated_without_a_write(limiter: RateLimiter, quotas: MemoryQuotas) -> None:
    use(limiter, "anna", "home", uploads=3)
    refuse(limiter, "anna", "home", uploads=1)
    calls = record_calls(quotas, "take")

    refuse(limiter, "anna", "home", uploads=1)
    refuse(limiter, "anna", "home", uploads=2, upload_bytes=5)

    assert calls == []


def test_less_than_what_was_refused_may_fit(limiter: RateLimiter) -> None:
    use(limiter, "anna", "home", upload_bytes=60)
    refuse(limiter, "anna", "home", upload_bytes=50)

    use(limiter, "anna", "home", upload_bytes=40)


def test_another_resource_is_not_refused(limiter: RateLimiter) -> None:
    use(limiter, "anna", "home", uploads=3)
    refuse(limiter, "anna", "home", uploads=1)

    use(limiter, "anna", "home", conversions=1)
    use(limiter, "anna", "home", urls=10)


def test_a_refusal_ends_with_its_window(limiter: RateLimiter, clock: FakeClock) -> None:
    use(limiter, "anna", "home", urls=10)
    wait = refuse(limiter, "anna", "home", urls=1)
    assert 1 <= wait <= 60
    clock.advance(wait - 1)
    assert refuse(limiter, "anna", "home", urls=1) == 1

    clock.advance(1)

    use(limiter, "anna", "home", urls=10)


def test_what_an_hour_allows_again_a_day_may_refuse(limiter: RateLimiter, clock: FakeClock) -> None:
    clock.advance(DAY - clock() % DAY)
    session = Usage("anna", "home", limiter)
    session.take(conversions=3)
    clock.advance(HOUR)
    session.take(conversions=2)

    with pytest.raises(RateLimited) as refused:
        session.take(conversions=1)
    assert refused.value.context["retry_after"] == DAY - HOUR
    assert str(refused.value).endswith("Please try again in 23 hours.")
    session.take(uploads=1)

    clock.advance(DAY - HOUR)
    session.take(conversions=3)


def test_what_the_hour_refuses_is_not_counted_for_the_day(
    limiter: RateLimiter, clock: FakeClock
) -> None:
    clock.advance(DAY - clock() % DAY)
    session = Usage("anna", "home", limiter)
    session.take(conversions=3)
    for amount in (3, 2, 1):
        with pytest.raises(RateLimited):
            session.take(conversions=amount)

    clock.advance(HOUR)

    session.take(conversions=2)


def test_only_so_many_refusals_are_remembered(
    limiter: RateLimiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.core.rate_limiter.MAX_REMEMBERED", 10)
    for number in range(50):
        refuse(limiter, f"session {number}", "home", uploads=4)
        assert len(limiter._refusals) <= 10


def test_sessions_are_limited_for_an_address(limiter: RateLimiter) -> None:
    limiter.count_session("home")
    limiter.count_session("home")

    with pytest.raises(RateLimited):
        limiter.count_session("home")
    limiter.count_session("elsewhere")
