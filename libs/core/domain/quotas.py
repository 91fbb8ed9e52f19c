"""Define how much one visitor may use in a window of time."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

MINUTE = 60
HOUR = 3600
DAY = 24 * HOUR


class Resource(StrEnum):
    """Name what is limited."""

    SESSIONS = "sessions"
    UPLOADS = "uploads"
    UPLOAD_BYTES = "upload_bytes"
    CONVERSIONS = "conversions"
    CONVERSIONS_OF_DAY = "conversions_of_day"
    URLS = "urls"


WINDOWS: Mapping[Resource, int] = {
    Resource.SESSIONS: HOUR,
    Resource.UPLOADS: HOUR,
    Resource.UPLOAD_BYTES: HOUR,
    Resource.CONVERSIONS: HOUR,
    Resource.CONVERSIONS_OF_DAY: DAY,
    Resource.URLS: MINUTE,
}
"""Length of a resource's window in seconds. Resources of one window share a counter item."""


@dataclass(frozen=True)
class Quota:
    """Hold an amount of a resource that is about to be used, and its limit in a window."""

    resource: Resource
    amount: int
    limit: int


BURST_DIVISOR = 2
"""An address may use at once a session's limit divided by this."""

SMALLEST_BURST = 20
"""The smallest burst: so many uses are always allowed at once."""


@dataclass(frozen=True)
class BurstLimit:
    """Hold how many may be used at once, and how many more each second."""

    size: float
    per_second: float


@dataclass(frozen=True)
class QuotaLimits:
    """Hold what a session, and all sessions of an address, may use in each window.

    Many people share an address, so its limits are those of a session times `address_factor`.
    Sessions themselves are limited for an address only.
    """

    per_session: Mapping[Resource, int]
    sessions_per_address: int
    address_factor: int

    def of_session(self, resource: Resource) -> int:
        """Return what one session may use of a resource in its window."""
        return self.per_session[resource]

    def of_address(self, resource: Resource) -> int:
        """Return what all sessions of an address may use together of it."""
        if resource is Resource.SESSIONS:
            return self.sessions_per_address
        return self.per_session[resource] * self.address_factor

    def burst_of_address(self, resource: Resource) -> BurstLimit | None:
        """Return how fast an address may use a resource, or None if its window alone limits it."""
        if resource in (Resource.UPLOAD_BYTES, Resource.CONVERSIONS_OF_DAY):
            return None
        limit = self.of_address(resource)
        of_session = self.per_session.get(resource, limit)
        size = max(of_session / BURST_DIVISOR, SMALLEST_BURST)
        return BurstLimit(size, limit / WINDOWS[resource])
