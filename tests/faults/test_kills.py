"""Test SIGKILL of the conversion service at any point of a conversion (fault 18).

TINYPIXO_KILLS sets the number of kills (`make test-kills`: 100); TINYPIXO_SEED repeats a run.
`tests/localstack` runs the same on LocalStack.
"""

import os
import random
import time
from collections import Counter

import pytest

from deploy.local.stack import EmbeddedStack
from services.conversion.worker.retry_policy import MAX_BLAMED_ATTEMPTS
from tests.faults.conftest import REQUESTS, Bucket
from tests.faults.workers import Child, WorkerProcess, eventually, workers
from tests.system.client import Client, is_terminal

pytestmark = [pytest.mark.stack, pytest.mark.timeout(3600)]

SEED = int(os.environ.get("TINYPIXO_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
AT_ONCE = 4
"""Conversions under way: more than there are slots."""
LONGEST = 3.0
"""Maximum seconds for which a worker that runs a conversion lives on: about what one takes."""


class Killer:
    """Kill workers that run a conversion.

    No conversion loses so many of them that it is given up as `worker_lost`.
    """

    def __init__(self, running: list[WorkerProcess], rng: random.Random) -> None:
        self._workers = running
        self._rng = rng
        self.killed: Counter[str] = Counter()
        self.orphans: list[Child] = []

    def strike(self) -> bool:
        """Kill a worker at a random moment; False if none ran anything by then."""
        eventually(self._chances, 120, "a worker that runs something")
        time.sleep(self._rng.uniform(0, LONGEST))  # the moment of death is what is drawn here
        chances = self._chances()
        if not chances:
            return False
        worker = self._rng.choice(chances)
        conversion_id = worker.running()
        self.orphans += worker.kill()
        worker.start()
        self.killed[str(conversion_id)] += 1
        return True

    def _chances(self) -> list[WorkerProcess]:
        found = [(worker, worker.running()) for worker in self._workers]
        return [
            worker
            for worker, running in found
            if running and self.killed[running] < MAX_BLAMED_ATTEMPTS - 1
        ]


def test_conversions_survive_the_deaths_of_their_workers(
    faulty_stack: EmbeddedStack,
    client: Client,
    bucket: Bucket,
    track: bytes,
    hashes: list[str],
    kills: int,
) -> None:
    print(f"TINYPIXO_SEED={SEED}")
    upload = client.upload(track, "song.mp3")
    asked: dict[str, int] = {}
    with workers(faulty_stack, "victim-1", "victim-2") as both:
        killer = Killer(list(both), random.Random(SEED))
        struck, under_way = 0, list[str]()
        while struck < kills:
            under_way = [each for each in under_way if not is_terminal(client.conversion(each))]
            while len(under_way) < AT_ONCE:
                request = len(asked) % len(REQUESTS)
                under_way.append(client.convert(upload["id"], **REQUESTS[request])["id"])
                asked[under_way[-1]] = request
            struck += killer.strike()
        ended = [client.until_ended(conversion_id) for conversion_id in asked]
    print(f"{kills} kills hit {len(killer.killed)} of {len(asked)} conversions")

    assert [
        (each["status"], each.get("error"), each["attempts"])
        for each in ended
        if each["status"] != "completed"
    ] == []
    assert [conversion["output"]["sha256"] for conversion in ended] == [
        hashes[request] for request in asked.values()
    ]
    for conversion in ended:
        client.download(conversion["id"])
    # Some deaths come a moment after the work is done; most must not.
    assert sum(conversion["attempts"] - 1 for conversion in ended) >= kills / 2
    assert not [child.pid for child in killer.orphans if child.alive()], (
        "an ffmpeg outlived its worker"
    )
    published = Counter(conversion_id for worker in both for conversion_id in worker.published())
    assert [conversion_id for conversion_id, times in published.items() if times > 1] == []
    bucket.sweep()
    assert [client.conversion(conversion["id"])["version"] for conversion in ended] == [
        conversion["version"] for conversion in ended
    ]
    assert {
        conversion_id: len(bucket.outputs_of(conversion_id)) for conversion_id in asked
    } == dict.fromkeys(asked, 1)
