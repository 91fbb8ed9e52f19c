"""Work by AWS's time on a host whose clock is wrong.

DynamoDB and SQS refuse a signature that is more than 5 minutes off, S3 one that is 15 minutes off.
Every response has a `Date` header, which shows the difference. botocore signs by the host's clock
and has no setting for it, so the function that it takes the time from is replaced.

Expiries are by AWS's time as well: a janitor whose clock is a day ahead would delete everything.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib import import_module
from typing import Any

import boto3
import structlog
from botocore.compat import get_current_datetime

log = structlog.get_logger(__name__)

TOLERATED = 60.0
"""Seconds. A smaller difference may be the latency of a response, and harms no signature."""

SKEW_ERRORS = {
    "InvalidSignatureException",
    "RequestExpired",
    "RequestInTheFuture",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
}
"""Codes with which AWS refuses a request that was signed at a wrong time."""


class AwsClock:
    """Measure by how much the host's clock differs from AWS's. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.skew = 0.0
        """Seconds that the host's clock is behind AWS's; 0 if the difference is tolerated."""

    def observe(self, date: str) -> None:
        """Compare the host's clock with a `Date` header."""
        try:
            difference = parsedate_to_datetime(date).timestamp() - self._clock()
        except ValueError:
            return
        skew = difference if abs(difference) > TOLERATED else 0.0
        if abs(skew - self.skew) > TOLERATED:
            self.skew = skew
            event = "clock.skewed" if skew else "clock.correct_again"
            log.warning(event, seconds_behind=round(skew))

    def get_skew(self) -> float:
        """Return the seconds that the host's clock is behind AWS's; 0 if that is tolerated."""
        return self.skew

    def time(self) -> float:
        """Return AWS's time in epoch seconds, as `time.time` returns the host's."""
        return self._clock() + self.skew

    def current_datetime(self, remove_tzinfo: bool = True) -> datetime:
        """Return AWS's time in UTC, in place of botocore's function."""
        return get_current_datetime(remove_tzinfo) + timedelta(seconds=self.skew)

    def watch(self, session: boto3.Session) -> None:
        """Observe the responses of all clients that this session creates from now on."""
        hooks: Any = session.events  # the stub knows no register_first
        hooks.register("before-sign", self._note_skew)
        hooks.register("response-received", self._observe_response)
        hooks.register_first("needs-retry", self._delay_of_retry)

    def _note_skew(self, request: Any, **_: Any) -> None:
        request.context["signing_skew"] = self.skew

    def _observe_response(self, response_dict: Any = None, **_: Any) -> None:
        if date := (response_dict or {}).get("headers", {}).get("Date"):
            self.observe(date)

    def _delay_of_retry(self, response: Any, request_dict: Any, **_: Any) -> float | None:
        """Return 0 seconds if a request was refused because it was signed with another skew."""
        if response is None or request_dict["context"].get("signing_skew") == self.skew:
            return None
        # HeadObject has no body, so its code is only the status.
        code = response[1].get("Error", {}).get("Code")
        return 0.0 if code in {*SKEW_ERRORS, "403"} else None


CLOCK = AwsClock()
"""The clock of this process: all its requests are signed by it."""

# With awscrt installed, as in the upload service, botocore signs by classes of its own.
for module in ("auth", "crt.auth", "signers"):
    with suppress(ImportError):
        vars(import_module(f"botocore.{module}"))["get_current_datetime"] = CLOCK.current_datetime
