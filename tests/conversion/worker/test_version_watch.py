"""Test how a worker finds leases that have ended, by its own clock alone."""

from dataclasses import replace

import pytest

from libs.core.domain.conversions import Conversion
from services.conversion.worker.version_watch import VersionWatch
from tests.conversion.support import LEASE, ConversionEnvironment
from tests.fakes import FakeClock, a_conversion, an_upload


@pytest.fixture
def timer() -> FakeClock:
    return FakeClock(1000.0)


@pytest.fixture
def detector(timer: FakeClock) -> VersionWatch:
    return VersionWatch(timer)


@pytest.fixture
def conversion() -> Conversion:
    return a_conversion(an_upload(), version=7)


def test_a_version_is_stalled_once_it_was_seen_for_a_lease(
    detector: VersionWatch, timer: FakeClock, conversion: Conversion
) -> None:
    assert detector.find_unchanged([conversion], LEASE) == []
    timer.advance(LEASE - 1)
    assert detector.find_unchanged([conversion], LEASE) == []
    timer.advance(1)

    assert detector.find_unchanged([conversion], LEASE) == [conversion]


def test_a_renewed_lease_is_never_stalled(
    detector: VersionWatch, timer: FakeClock, conversion: Conversion
) -> None:
    for version in range(10):
        renewed = replace(conversion, version=version)
        assert detector.find_unchanged([renewed], LEASE) == []
        timer.advance(LEASE - 1)


def test_a_conversion_that_was_away_is_observed_anew(
    detector: VersionWatch, timer: FakeClock, conversion: Conversion
) -> None:
    detector.find_unchanged([conversion], LEASE)
    detector.find_unchanged([], LEASE)
    timer.advance(LEASE)

    assert detector.find_unchanged([conversion], LEASE) == []


def test_an_id_that_was_created_again_is_observed_anew(
    detector: VersionWatch, timer: FakeClock, conversion: Conversion
) -> None:
    detector.find_unchanged([conversion], LEASE)
    timer.advance(LEASE)
    again = replace(conversion, created_at=conversion.created_at + 1)

    assert detector.find_unchanged([again], LEASE) == []


@pytest.mark.parametrize("skew", [-600.0, 600.0])
def test_a_worker_with_a_wrong_clock_keeps_its_conversion_from_others(
    env: ConversionEnvironment, skew: float
) -> None:
    conversion = env.add_queued()
    env.choose_next()
    env.clock.advance(skew)
    mine = env.leases.claim(conversion.id, "skewed", LEASE)
    env.clock.advance(-skew)

    assert mine
    assert env.choose_next() is None
    env.clock.advance(LEASE / 2)
    assert env.choose_next() is None


@pytest.mark.parametrize("skew", [-600.0, 600.0])
def test_the_lease_of_a_dead_worker_with_a_wrong_clock_ends_in_time(
    env: ConversionEnvironment, skew: float
) -> None:
    conversion = env.add_queued()
    env.clock.advance(skew)
    env.leases.claim(conversion.id, "skewed", LEASE)
    env.clock.advance(-skew)

    env.expire_leases()

    chosen = env.choose_next()
    assert chosen
    assert chosen.id == conversion.id
    assert env.take_over(conversion, "right").attempts == 2
