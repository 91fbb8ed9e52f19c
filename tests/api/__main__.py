"""Test each service for a while: `python -m tests.api [--seconds 300] [SERVICE ...]`."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.api.schema_run import run_schemathesis
from tests.api.services import SERVICES


def main(arguments: list[str]) -> int:
    """Run Schemathesis against the chosen services, and return 1 if one of them fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.api", description=__doc__)
    parser.add_argument("services", nargs="*", choices=[*SERVICES, []], metavar="SERVICE")
    parser.add_argument("--seconds", type=int, default=300, help="time for each service")
    given = parser.parse_args(arguments)
    failed = False
    for service in given.services or SERVICES:
        with tempfile.TemporaryDirectory() as folder:
            run = run_schemathesis(
                service,
                Path(folder),
                f"--max-time={given.seconds}",
                timeout=2 * given.seconds + 120,
            )
        print(run.stdout, flush=True)
        failed = failed or run.returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
