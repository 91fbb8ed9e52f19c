"""`python -m services.janitor` serves; `python -m services.janitor sweep [--dry-run]` sweeps once."""

import argparse
import json
import sys

import msgspec

from libs.core.settings import load
from services.janitor.settings import JanitorSettings


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m services.janitor", description="Erases what is no longer wanted."
    )
    commands = parser.add_subparsers(dest="command", metavar="command")
    sweep = commands.add_parser(
        "sweep", help="erase what has expired or is left over, say what was done, and end"
    )
    sweep.add_argument("--dry-run", action="store_true", help="only count what would be erased")
    given = parser.parse_args(arguments)
    settings = load(JanitorSettings)
    if given.command is None:
        serve_until_stopped(settings)
        return 0
    return sweep_once(settings, dry_run=given.dry_run)


# Imports stand inside: they take a second, and a missing setting should be told at once.


def serve_until_stopped(settings: JanitorSettings) -> None:
    from libs.core.serve import serve
    from services.janitor.app import create_app
    from services.janitor.container import JanitorContainer

    serve("janitor", settings, lambda: create_app(JanitorContainer(settings=settings)))


def sweep_once(settings: JanitorSettings, *, dry_run: bool) -> int:
    """One sweep: its result as JSON on standard output, the log on standard error; 1 where something failed."""
    from libs.core import telemetry
    from services.janitor.container import JanitorContainer
    from services.janitor.schemas import SweepResultSchema

    telemetry.set_up("janitor", settings.log_level, settings.log_format, sys.stderr)
    swept = JanitorContainer(settings=settings).sweep_once()(dry_run=dry_run)
    document = msgspec.to_builtins(SweepResultSchema.of(swept))
    print(json.dumps(document, indent=2))  # noqa: T201 -- the command's answer
    return 1 if swept.erased.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
