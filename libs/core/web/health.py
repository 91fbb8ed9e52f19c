"""Answer liveness and readiness probes."""

import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

from litestar import Response, get
from msgspec import UNSET

from libs.core.web.concurrency import PROBE_PATH
from libs.core.web.openapi import problem_response
from libs.core.web.problems import problem
from libs.core.web.schemas import HealthSchema

Check = Callable[[], None]
"""Send a request to a dependency, and raise any exception if it does not respond."""


KEPT_FOR = 1.0
"""Seconds for which a result is kept. Load balancers ask every few seconds."""


class SharedChecks:
    """Ask all dependencies at once, and share the result: visitors can ask for it as well."""

    def __init__(
        self, checks: Mapping[str, Check], timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._checks = checks
        self._timer = timer
        self._lock = Lock()
        self._kept_until = -math.inf
        self._failures: dict[str, str] = {}

    def failures(self) -> dict[str, str]:
        """Return why which dependencies cannot be reached.

        Whoever asks while the checks run waits for their result.
        """
        with self._lock:
            if self._timer() >= self._kept_until:
                self._failures = self._run()
                self._kept_until = self._timer() + KEPT_FOR
            return self._failures

    def _run(self) -> dict[str, str]:
        # All at once, so that the answer takes as long as the slowest check, not as their sum.
        with ThreadPoolExecutor(max(1, len(self._checks))) as pool:
            reasons = pool.map(_failure, self._checks.values())
            named = zip(self._checks, reasons, strict=True)
            return {name: reason for name, reason in named if reason}


def no_skew() -> float:
    """Return 0: nothing is known of the host's clock."""
    return 0.0


def health_routes(
    checks: Mapping[str, Check], clock_skew: Callable[[], float] = no_skew
) -> list[Any]:
    """Return `/health/live` and `/health/ready`.

    Args:
        checks: Readiness checks by the dependency's name.
        clock_skew: Returns by how many seconds the host's clock is behind, 0 if it is right. A
            wrong clock is reported, but does not make the service unready.
    """
    shared = SharedChecks(checks)

    @get(
        PROBE_PATH,
        sync_to_thread=False,
        operation_id="checkLiveness",
        summary="Answer while the process runs",
        responses={429: problem_response("rate_limited")},
    )
    def live() -> HealthSchema:
        return HealthSchema(status="live")

    @get(
        "/health/ready",
        sync_to_thread=True,
        operation_id="checkReadiness",
        summary="Answer whether the service can reach what it needs",
        responses={429: problem_response("rate_limited"), 503: problem_response("not_ready")},
    )
    def ready() -> Response[HealthSchema]:
        away = shared.failures()
        skew = round(clock_skew())  # measured by the answers to the checks, too
        if away:
            names = ", ".join(away)
            return problem(
                503,
                "not_ready",
                f"Cannot be reached: {names}.",
                unreachable=away,
                retry_after=2,
                **({"clock_skew_seconds": skew} if skew else {}),
            )
        return Response(
            HealthSchema(
                status="ready", checked=list(checks), clock_skew_seconds=skew if skew else UNSET
            )
        )

    return [live, ready]


def _failure(check: Check) -> str | None:
    try:
        check()
    except Exception as error:  # any failure means "not ready", and its class says enough
        return type(error.__cause__ or error).__name__
    return None
