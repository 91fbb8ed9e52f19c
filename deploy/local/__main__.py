"""`python -m deploy.local`: the embedded stack until Ctrl-C. `make run` calls it; PORT chooses the port."""

import os
import signal
import sys
from pathlib import Path

from deploy.local.emulator import EmulatorError
from deploy.local.stack import ROOT, EmbeddedStack, StackError


def main() -> int:
    """Runs the stack; returns the exit status."""
    port = os.environ.get("PORT", "8000")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        print(f"PORT={port} is not a port. Example: make run PORT=8080", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _interrupt)
    stack = EmbeddedStack(Path(os.environ.get("TINYPIXO_HOME", ROOT / ".tinypixo")), int(port))
    try:
        with stack:
            print(f"\n  TinyPixo is ready:  {stack.url}\n\n  Ctrl-C ends it; what you uploaded stays in {stack.home.name}/.\n", flush=True)
            stack.supervise()
    except KeyboardInterrupt:
        print("\nEnded. Everything is kept for the next time.")
    except (StackError, EmulatorError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
