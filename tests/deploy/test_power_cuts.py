"""Kill `make run`, or its emulator, in the middle of uploads, and check what is lost."""

import os
import random
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from deploy.local.network import free_port
from tests.audio import song
from tests.deploy.local_run import LocalRun
from tests.system.client import Client, Json, ok

pytestmark = [
    pytest.mark.stack,
    pytest.mark.long,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
]

CUTS = int(os.environ.get("TINYPIXO_POWER_CUTS", "2"))
SEED = int(os.environ.get("TINYPIXO_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
CLIENTS = 2
LONGEST = 5.0
"""Seconds of uploading before the cut, at most."""


@dataclass
class Acknowledged:
    """Hold what the services have confirmed to one client."""

    upload: Json
    parts: set[int] = field(default_factory=set)
    is_complete: bool = False


class Uploader(threading.Thread):
    """Send and convert files one after another, until the first request that fails."""

    def __init__(self, url: str, data: bytes) -> None:
        super().__init__(daemon=True)
        self.client = Client(url)
        self.acknowledged: list[Acknowledged] = []
        self._data = data

    def run(self) -> None:
        try:
            while True:
                self._upload()
        except (httpx.HTTPError, AssertionError):
            pass  # the cut

    def _upload(self) -> None:
        upload = self.client.create(self._data, "song.wav", {"format": "mp3"})
        known = Acknowledged(upload)
        self.acknowledged.append(known)
        for number in range(1, upload["part_count"] + 1):
            self.client.send(upload, self._data, number)
            known.parts.add(number)
        self.client.complete(upload)
        known.is_complete = True

    def finish(self) -> list[str]:
        """Continue every upload after the cut, and return the ids of the completed conversions."""
        finished = []
        for known in self.acknowledged:
            upload = ok(self.client.http.get(f"/api/uploads/{known.upload['id']}"))
            present = set(upload["completed_parts"])
            assert known.parts <= present, f"lost {known.parts - present} of {upload}"
            assert upload["status"] == "uploaded" or not known.is_complete, upload
            if upload["status"] != "uploaded":
                missing = [n for n in range(1, upload["part_count"] + 1) if n not in present]
                if missing:
                    self.client.send(upload, self._data, *missing)
                self.client.complete(upload)
            [conversion_id] = upload["conversions"]
            ended = self.client.until_ended(conversion_id)
            assert ended["status"] == "completed", ended
            assert self.client.download(conversion_id)
            finished.append(conversion_id)
        return finished


@pytest.fixture
def run(tmp_path: Path) -> Iterator[LocalRun]:
    run = LocalRun(tmp_path / "home", free_port())
    run.start()
    yield run
    run.stop()


def test_acknowledged_work_survives_power_cuts(run: LocalRun, tmp_path: Path) -> None:
    print(f"TINYPIXO_SEED={SEED} TINYPIXO_POWER_CUTS={CUTS}")
    rng = random.Random(SEED)
    data = song(tmp_path, 65).read_bytes()
    rounds = []
    for number in range(CUTS):
        uploaders = [Uploader(run.url, data) for _ in range(CLIENTS)]
        for uploader in uploaders:
            uploader.start()
        time.sleep(rng.uniform(0.2, LONGEST))  # the moment of the cut is what is random
        if number % 2:
            run.kill_emulator()
        else:
            run.kill_all()
            run.start()
        run.wait_until_ready()
        for uploader in uploaders:
            uploader.join(120)
            assert not uploader.is_alive()
        finished = [uploader.finish() for uploader in uploaders]
        print(f"cut {number + 1}: {sum(map(len, finished))} conversions completed after it")
        rounds.append((uploaders, finished))
    for uploaders, finished in rounds:
        for uploader, conversions in zip(uploaders, finished, strict=True):
            for conversion_id in conversions:
                assert uploader.client.download(conversion_id)
            uploader.client.http.close()
