"""Be the abusive visitor: `python -m tests.abuse KIND URL`, until it is terminated.

It is a process of its own with the lowest priority, because it stands for another machine: its work
must not take the processors of the system under test. It prints a line when it has begun.
"""

import os
import signal
import sys

from tests.abuse.kinds import KINDS


def main(kind: str, url: str) -> None:
    """Abuse the system at a URL until SIGTERM."""
    os.nice(19)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    KINDS[kind](url)


if __name__ == "__main__":
    main(*sys.argv[1:])
