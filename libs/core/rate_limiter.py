"""Limit what one visitor can use, by session and by client address."""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from libs.core.domain.quotas import HOUR, WINDOWS, Quota, QuotaLimits, Resource
from libs.core.errors import CoreError, RateLimited
from libs.core.ports.quotas import Quotas
from libs.core.token_buckets import TokenBuckets

log = structlog.get_logger(__name__)

Amounts = Mapping[Resource, int]


MAX_REMEMBERED = 10_000
"""Maximum number of refusals, and of sessions, that are remembered."""


@dataclass(frozen=True)
class Refusal:
    """Hold what a subject was refused, and until when (monotonic seconds)."""

    amounts: Amounts
    until: float

    def covers(self, wanted: Amounts) -> bool:
        """Return True if the wanted amounts are at least those that were refused."""
        return all(wanted.get(resource, 0) >= amount for resource, amount in self.amounts.items())


class RateLimiter:
    """Count uses of a session and of its address, and refuse those that exceed a limit.

    Refusals are remembered, so that a visitor who goes on costs no writes. Counters only grow in a
    window, so what was refused once is refused until its end. Before that, token buckets in memory
    refuse a flood from one address without a write.
    """

    def __init__(
        self, quotas: Quotas, limits: QuotaLimits, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._quotas = quotas
        self._limits = limits
        self._timer = timer
        self._bursts = TokenBuckets(limits, timer)
        self._refusals: dict[tuple[str, int], Refusal] = {}
        self._begun: set[str] = set()

    def count_session(self, address: str, session: str | None = None) -> None:
        """Count a new session of this address.

        If `session` is given, repeated and simultaneous calls for it count once.

        Raises:
            RateLimited: The address began too many sessions in this window.
            StorageUnavailable: The table does not answer.
        """
        if session in self._begun:
            return
        if session:
            if len(self._begun) >= MAX_REMEMBERED:
                self._begun.clear()
            self._begun.add(session)
        try:
            self._refuse_again("address", address, {Resource.SESSIONS: 1})
            self._limit_burst(address, {Resource.SESSIONS: 1})
            self._take("address", address, {Resource.SESSIONS: 1}, self._limits.of_address)
        except CoreError:
            self._begun.discard(session or "")
            raise

    def use(self, session: str, address: str, amounts: Amounts) -> None:
        """Count what a session uses, for the session first and then for its address.

        What the address refuses stays counted for the session.

        Raises:
            RateLimited: The session or the address has used up one of the resources.
            StorageUnavailable: The table does not answer.
        """
        # What is refused already must not cost the others of the address anything.
        self._refuse_again("session", session, amounts)
        self._refuse_again("address", address, amounts)
        self._limit_burst(address, amounts)
        self._take("session", session, amounts, self._limits.of_session)
        self._take("address", address, amounts, self._limits.of_address)

    def _limit_burst(self, address: str, amounts: Amounts) -> None:
        if retry_after := self._bursts.take(address, amounts):
            raise _refusal("address", retry_after)

    def _take(
        self, kind: str, subject: str, amounts: Amounts, limit_of: Callable[[Resource], int]
    ) -> None:
        for window, wanted in _by_window(amounts).items():
            key = (f"{kind}:{subject}", window)
            quotas = [Quota(name, amount, limit_of(name)) for name, amount in wanted.items()]
            if retry_after := self._quotas.take(*key, quotas):
                log.warning("quota.exceeded", kind=kind, wanted=wanted)
                self._remember(key, Refusal(wanted, self._timer() + retry_after))
                raise _refusal(kind, retry_after)

    def _refuse_again(self, kind: str, subject: str, amounts: Amounts) -> None:
        """Raise RateLimited if these amounts are known to be refused. Costs no write."""
        for window, wanted in _by_window(amounts).items():
            if retry_after := self._remembered((f"{kind}:{subject}", window), wanted):
                raise _refusal(kind, retry_after)

    def _remembered(self, key: tuple[str, int], wanted: Amounts) -> int:
        """Return the seconds for which these amounts are known to be refused, or 0."""
        refusal = self._refusals.get(key)
        if refusal is None or not refusal.covers(wanted):
            return 0
        return max(0, math.ceil(refusal.until - self._timer()))

    def _remember(self, key: tuple[str, int], refusal: Refusal) -> None:
        if len(self._refusals) >= MAX_REMEMBERED:
            self._refusals.clear()
        self._refusals[key] = refusal


MOMENT = 10
"""Seconds that a sentence calls a moment."""

_NAMES = {"session": "browser", "address": "network"}


def _by_window(amounts: Amounts) -> dict[int, dict[Resource, int]]:
    by_window: defaultdict[int, dict[Resource, int]] = defaultdict(dict)
    for resource, amount in amounts.items():
        if amount > 0:
            by_window[WINDOWS[resource]][resource] = amount
    return by_window


def _refusal(kind: str, retry_after: int) -> RateLimited:
    return RateLimited(
        f"There were too many requests from your {_NAMES[kind]}. "
        f"Please try again in {_spoken(retry_after)}.",
        retry_after=retry_after,
    )


def _spoken(seconds: int) -> str:
    if seconds <= MOMENT:
        return "a moment"
    if seconds > HOUR:
        return f"{-(-seconds // HOUR)} hours"
    minutes = -(-seconds // 60)
    return "a minute" if minutes == 1 else f"{minutes} minutes"


@dataclass(frozen=True)
class Usage:
    """Count what one request uses."""

    session: str
    """The owner of what the request makes."""
    address: str
    """Keyed digest of the client's address."""
    limiter: RateLimiter
    count_session: Callable[[], None] = lambda: None
    """Counts the session, if it is new."""

    def take(self, *, uploads: int = 0, size: int = 0, conversions: int = 0, urls: int = 0) -> None:
        """Count these amounts; `size` is the bytes of the uploads.

        Raises:
            RateLimited: The session or its address has used up one of them, or the address has
                begun too many sessions.
            StorageUnavailable: The table does not answer.
        """
        self.count_session()
        amounts = {
            Resource.UPLOADS: uploads,
            Resource.UPLOAD_BYTES: size,
            Resource.CONVERSIONS: conversions,
            Resource.CONVERSIONS_OF_DAY: conversions,
            Resource.URLS: urls,
        }
        self.limiter.use(self.session, self.address, amounts)
