"""Liveness and readiness: whether the process runs, and whether it can reach what it needs."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from litestar import Response, get

from libs.core.web.problems import problem

Check = Callable[[], None]
"""Asks something that is needed; raises whatever it likes when it does not answer."""


def health_routes(checks: Mapping[str, Check]) -> list[Any]:
    """`/health/live`, and `/health/ready` by these checks (by the name of what is asked)."""

    @get("/health/live", sync_to_thread=False, include_in_schema=False)
    def live() -> dict[str, str]:
        return {"status": "live"}

    @get("/health/ready", sync_to_thread=True, include_in_schema=False)
    def ready() -> Response[Any]:
        # All at once: who waits for this answer does not wait for each of them in turn.
        with ThreadPoolExecutor(max(1, len(checks))) as pool:
            reasons = dict(zip(checks, pool.map(_failure, checks.values()), strict=True))
        away = {name: reason for name, reason in reasons.items() if reason}
        if away:
            names = ", ".join(away)
            return problem(
                503,
                "not_ready",
                "Not ready",
                f"Cannot be reached: {names}.",
                unreachable=away,
                retry_after=2,
            )
        return Response({"status": "ready", "checked": list(checks)})

    return [live, ready]


def _failure(check: Check) -> str | None:
    try:
        check()
    except (
        Exception
    ) as error:  # whatever it is, the answer is "not ready", and its kind says enough
        return type(error.__cause__ or error).__name__
    return None
