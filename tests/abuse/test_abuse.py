"""Test that one visitor neither slows down another one nor fills the memory.

`make test-abuse` runs each abuse for a minute, and judges the times. `make test` runs each for some
seconds, in which nothing but the beginning is seen, and judges the times far less strictly.
"""

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from deploy.local.network import free_port
from deploy.local.processes import ROOT
from deploy.local.stack import SERVICES, EmbeddedStack
from tests.abuse.kinds import KINDS
from tests.audio import song
from tests.system.client import Client

pytestmark = [pytest.mark.stack, pytest.mark.long, pytest.mark.timeout(600)]

SECONDS = float(os.environ.get("TINYPIXO_ABUSE_SECONDS", "8"))
MOST_TIMES = 2.0 if SECONDS >= 60 else 6.0
"""How much longer than undisturbed a trip may take."""
SLACK = 0.3
"""Seconds by which a trip of about one second varies on a machine with other work."""
MEMORY_SLACK = 32 * 1024**2
"""Bytes that a service may grow by while an abuse goes on: caches, and pools of threads."""
TRIPS = 7 if SECONDS >= 60 else 4
TRIPS_PER_SESSION = 20

LIMITS = {
    "TINYPIXO_SLOTS": "2",
    "TINYPIXO_ADDRESS_FACTOR": "10",
    "TINYPIXO_REQUESTS_PER_ADDRESS": "1500",
    "TINYPIXO_SESSIONS_PER_HOUR": "250",
    "TINYPIXO_UPLOADS_PER_HOUR": "500",
    "TINYPIXO_UPLOAD_BYTES_PER_HOUR": str(250 * 1024**3),
    "TINYPIXO_CONVERSIONS_PER_HOUR": "400",
    "TINYPIXO_CONVERSIONS_PER_DAY": "1000",
    "TINYPIXO_URLS_PER_MINUTE": "6000",
}
"""Those of production, which `make run` raises."""


@pytest.fixture
def abused(tmp_path: Path) -> Iterator[EmbeddedStack]:
    with EmbeddedStack(tmp_path / "stack", free_port(), settings=LIMITS) as running:
        yield running


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return song(tmp_path_factory.mktemp("audio"), 3, "small.mp3").read_bytes()


class Bystander:
    """Make trips, `TRIPS_PER_SESSION` in each session.

    An address may begin 125 sessions at once, and a minute has more trips.
    """

    def __init__(self, url: str, sound: bytes) -> None:
        self._url, self._sound = url, sound
        self._cookies = httpx.Cookies()
        self._trips = 0

    def trip(self) -> float:
        """Upload a file through the service, convert it, follow it and download it, in seconds."""
        if self._trips % TRIPS_PER_SESSION == 0:
            self._cookies = httpx.Cookies()
        self._trips += 1
        began = time.monotonic()
        with Client(self._url) as client:
            client.http.cookies.update(self._cookies)
            upload = client.create(self._sound, "small.mp3", {"format": "flac"})
            client.put_through_service(upload, self._sound, 1)
            client.complete(upload)
            (conversion,) = upload["conversions"]
            assert client.follow(conversion)[-1]["status"] == "completed"
            client.download(conversion)
            self._cookies = client.http.cookies
        return time.monotonic() - began


@contextmanager
def abusing(kind: str, url: str) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.abuse", kind, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as visitor:
        assert visitor.stdout
        assert visitor.stdout.readline() == "begun\n"
        try:
            yield
            assert visitor.poll() is None, "the visitor gave up"
        finally:
            visitor.terminate()


class MemoryWatch:
    """Sample the memory of the services."""

    def __init__(self, stack: EmbeddedStack) -> None:
        self._pids = {name: stack.processes[name].pid for name in SERVICES}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.samples: dict[str, list[int]] = {name: [] for name in SERVICES}

    def __enter__(self) -> "MemoryWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.25):
            for name, pid in self._pids.items():
                pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                self.samples[name].append(pages * os.sysconf("SC_PAGE_SIZE"))

    def growth(self, name: str) -> int:
        """Return by how much the median of the last third exceeds that of the second one."""
        third = len(self.samples[name]) // 3
        middle, last = self.samples[name][third : 2 * third], self.samples[name][2 * third :]
        return int(statistics.median(last) - statistics.median(middle))


@pytest.mark.parametrize("kind", KINDS)
def test_a_bystander_takes_at_most_twice_the_time(
    abused: EmbeddedStack, sound: bytes, kind: str
) -> None:
    bystander = Bystander(abused.url, sound)
    for _ in range(2):
        bystander.trip()
    undisturbed = [bystander.trip() for _ in range(TRIPS)]
    disturbed: list[float] = []

    with abusing(kind, abused.url), MemoryWatch(abused) as memory:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end or len(disturbed) < TRIPS:
            disturbed.append(bystander.trip())

    usual, now = statistics.median(undisturbed), statistics.median(disturbed)
    growth = {name: memory.growth(name) for name in SERVICES}
    print(
        f"{kind}: undisturbed {usual:.2f} s, disturbed {now:.2f} s (median of {len(disturbed)}, "
        f"slowest {max(disturbed):.2f} s), memory { ({n: g >> 20 for n, g in growth.items()}) } MiB"
    )
    assert now <= MOST_TIMES * usual + SLACK
    assert all(grown <= MEMORY_SLACK for grown in growth.values()), growth
