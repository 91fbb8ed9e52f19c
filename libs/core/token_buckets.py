"""Limit bursts in the memory of the process (token buckets).

They are a protection against floods, and not the quota: each process has its own, and forgets them.
"""

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from libs.core.domain.quotas import BurstLimit, QuotaLimits, Resource

MAX_BUCKETS = 10_000
"""Maximum number of buckets that are remembered."""


@dataclass
class _Bucket:
    tokens: float
    filled_at: float


class TokenBuckets:
    """Hold a bucket of tokens for each address and resource. Thread-safe."""

    def __init__(self, limits: QuotaLimits, timer: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._timer = timer
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, Resource], _Bucket] = {}

    def take(self, address: str, amounts: Mapping[Resource, int]) -> int:
        """Take tokens of all these resources, or none; return the seconds to wait, or 0.

        An amount above the size of the bucket needs a full bucket, and makes its content negative.
        """
        with self._lock:
            wait = 0.0
            wanted: list[tuple[_Bucket, int]] = []
            for resource, amount in amounts.items():
                burst = self._limits.burst_of_address(resource)
                if burst is None or amount <= 0:
                    continue
                bucket = self._filled(address, resource, burst)
                missing = min(amount, burst.size) - bucket.tokens
                wait = max(wait, missing / burst.per_second)
                wanted.append((bucket, amount))
            if wait > 0:
                return math.ceil(wait)
            for bucket, amount in wanted:
                bucket.tokens -= amount
            return 0

    def _filled(self, address: str, resource: Resource, burst: BurstLimit) -> _Bucket:
        now, key = self._timer(), (address, resource)
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= MAX_BUCKETS:
                self._buckets.clear()
            bucket = self._buckets[key] = _Bucket(burst.size, now)
        grown = bucket.tokens + (now - bucket.filled_at) * burst.per_second
        bucket.tokens, bucket.filled_at = min(burst.size, grown), now
        return bucket
