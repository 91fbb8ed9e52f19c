"""Run the embedded stack until Ctrl-C: `python -m deploy.local`."""

import os
import signal
import sys
from pathlib import Path

from deploy.errors import DeployError
from deploy.local.network import parse_port
from deploy.local.processes import ROOT
from deploy.local.stack import EmbeddedStack


def main() -> int:
    """Run the stack, and return the exit status."""
    signal.signal(signal.SIGTERM, _interrupt)
    home = Path(os.environ.get("TINYPIXO_HOME", ROOT / ".tinypixo"))
    try:
        port = parse_port("PORT", os.environ.get("PORT", "8000"), "make run PORT=8080")
    except DeployError as error:
        print(error, file=sys.stderr)
        return 2
    # Of the caller's settings only this one: behind a proxy or tunnel browsers see another host.
    origins = {"TINYPIXO_ORIGINS": os.environ.get("TINYPIXO_ORIGINS", "")}
    stack = EmbeddedStack(home, port, settings=origins)
    try:
        with stack:
            print(f"\n  TinyPixo is ready:  {stack.url}\n")
            print(f"  Press Ctrl-C to stop. Your uploads are kept in {home.name}/.\n", flush=True)
            stack.supervise()
    except KeyboardInterrupt:
        print("\nStopped. Your uploads are kept for the next run.")
    except DeployError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
