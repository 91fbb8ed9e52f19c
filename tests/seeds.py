"""Draw the seeds of tests that leave something to chance.

A seed is part of the test's name, so that every report shows it. TINYPIXO_SEED repeats one.
TINYPIXO_SEEDS is the number of seeds of each test: 1, and 20 in `make test-seeds`.
"""

import os
import random


def draw_seeds() -> list[int]:
    """Return the seeds to run a test with."""
    if given := int(os.environ.get("TINYPIXO_SEED", "0")):
        return [given]
    count = int(os.environ.get("TINYPIXO_SEEDS", "1"))
    # The processes of pytest-xdist must all find the same tests, so they share what they draw from.
    drawn_from = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    return random.Random(drawn_from).sample(range(1, 10**6), count)
