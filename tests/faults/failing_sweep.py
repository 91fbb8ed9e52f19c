"""Sweep once as `python -m services.janitor sweep` does, with an S3 that refuses some keys.

The keys are read from standard input, one a line. The sweep's clock is AHEAD seconds ahead, because
the emulator deletes what has expired by its own clock. The result is printed as JSON, with the
largest resident memory in bytes.
"""

import json
import resource
import sys
import time
from typing import Any

import msgspec

from libs.core import telemetry
from libs.core.settings import load
from services.janitor.container import JanitorContainer
from services.janitor.schemas import SweepResultSchema
from services.janitor.settings import JanitorSettings

AHEAD = 7200


def refuse(client: Any, refused: set[str]) -> None:
    """Answer DeleteObjects with 200 and an error for these keys, which stay (fault 44)."""

    def keep_out(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        wanted = params["Delete"]["Objects"]
        context["refused"] = [each["Key"] for each in wanted if each["Key"] in refused]
        kept = [each for each in wanted if each["Key"] not in refused]
        params["Delete"] = {**params["Delete"], "Objects": kept or [{"Key": "nothing"}]}

    def add_errors(parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        errors = [
            {"Key": key, "Code": "InternalError", "Message": "We encountered an internal error."}
            for key in context["refused"]
        ]
        parsed["Errors"] = [*parsed.get("Errors", []), *errors]

    client.meta.events.register("provide-client-params.s3.DeleteObjects", keep_out)
    client.meta.events.register("after-call.s3.DeleteObjects", add_errors)


def main() -> None:
    """Sweep once."""
    settings = load(JanitorSettings)
    telemetry.set_up("janitor", settings.log_level, settings.log_format, sys.stderr)
    container = JanitorContainer(settings=settings)

    def clock() -> float:
        return time.time() + AHEAD

    container.delete_orphans.add_kwargs(clock=clock)
    container.sweep_once.add_kwargs(clock=clock)
    refuse(container.aws.s3_transfer(), set(sys.stdin.read().split()))
    result = SweepResultSchema.of(container.sweep_once()())
    document = msgspec.to_builtins(result)
    document["max_rss"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(document))


if __name__ == "__main__":
    main()
