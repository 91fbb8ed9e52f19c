"""Run API and worker (`python -m services.conversion`), or a worker alone (`… worker`)."""

import argparse
import sys
from typing import TYPE_CHECKING

from libs.core.settings import load
from services.conversion.settings import ConversionSettings, WorkerSettings

if TYPE_CHECKING:
    from litestar import Litestar

SWITCH_INTERVAL = 0.0005
"""Seconds after which a thread that computes lets another one of this process go on.

FFmpeg waits for a thread of ours at each of its reads. Beside another one that parses a stranger's
file, each of a song's 190 reads took as long as CPython's default, which is 5 ms.
"""


def main(arguments: list[str]) -> None:
    """Serve until SIGTERM."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    parser = argparse.ArgumentParser(
        prog="python -m services.conversion",
        description="Convert uploads. Without a command: serve the API, too.",
    )
    commands = parser.add_subparsers(dest="command", metavar="command")
    commands.add_parser("worker", help="serve no visitors, and need no secret of their sessions")
    given = parser.parse_args(arguments)
    settings = load(WorkerSettings if given.command == "worker" else ConversionSettings)
    # These imports take a second. A missing setting should be reported before that.
    from libs.core.serve import serve
    from services.conversion.app import create_app
    from services.conversion.container import ConversionContainer

    def create() -> "Litestar":
        container = ConversionContainer(settings=settings)
        if settings.slots:
            # Who only builds the container, such as a test, starts no processes.
            container.engine().keep_processes_ready()
        return create_app(container)

    serve("conversion", settings, create)


if __name__ == "__main__":
    main(sys.argv[1:])
