"""Serve (`python -m services.janitor`) or sweep once (`… sweep [--dry-run]`)."""

import argparse
import json
import sys
from contextlib import suppress

import msgspec

from libs.core.settings import load
from services.janitor.settings import JanitorSettings


def main(arguments: list[str]) -> int:
    """Run a command and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m services.janitor",
        description="Delete what is expired or orphaned. Without a command: serve.",
    )
    commands = parser.add_subparsers(dest="command", metavar="command")
    sweep = commands.add_parser(
        "sweep", help="delete what is expired or orphaned, print what was done, and end"
    )
    sweep.add_argument("--dry-run", action="store_true", help="only count what would be deleted")
    sweep.add_argument(
        "--if-due", action="store_true", help="do nothing if another janitor sweeps, or just did"
    )
    given = parser.parse_args(arguments)
    settings = load(JanitorSettings)
    if given.command is None:
        serve_until_stopped(settings)
        return 0
    return sweep_once(settings, dry_run=given.dry_run, if_due=given.if_due)


# The imports are inside the functions. These imports take a second. A missing setting should be
# reported before that.


def serve_until_stopped(settings: JanitorSettings) -> None:
    """Serve requests until a signal stops the process."""
    from libs.core.serve import serve
    from services.janitor.app import create_app
    from services.janitor.container import JanitorContainer

    serve("janitor", settings, lambda: create_app(JanitorContainer(settings=settings)))


def sweep_once(settings: JanitorSettings, *, dry_run: bool, if_due: bool) -> int:
    """Print the result of one sweep as JSON, and return 1 if something failed.

    The log goes to standard error.
    """
    from libs.core import telemetry
    from services.janitor.container import JanitorContainer
    from services.janitor.schemas import SweepResultSchema

    telemetry.set_up("janitor", settings.log_level, settings.log_format, sys.stderr)
    container = JanitorContainer(settings=settings)
    with suppress(Exception):  # the sweep itself says what fails
        # Any answer shows AWS's time, by which items expire.
        container.aws.dynamodb_check()()
    is_timed = if_due and not dry_run
    result = container.sweep_when_due()() if is_timed else container.sweep_once()(dry_run=dry_run)
    if result is None:
        print("Not due.")  # noqa: T201 -- the command's answer
        return 0
    document = msgspec.to_builtins(SweepResultSchema.of(result))
    print(json.dumps(document, indent=2))  # noqa: T201 -- the command's answer
    return 1 if result.deleted.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
