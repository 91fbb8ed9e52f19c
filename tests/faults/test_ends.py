"""Test SIGTERM, cancel and delete while a worker converts (faults 30, 37, 38 and 46)."""

import random
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from deploy.local.stack import EmbeddedStack
from services.conversion.worker.retry_policy import MAX_BLAMED_ATTEMPTS
from tests.audio import song
from tests.faults.conftest import REQUESTS, Bucket
from tests.faults.workers import WorkerProcess, descendants, eventually, workers
from tests.seeds import draw_seeds
from tests.system.client import Client, Json, ok

pytestmark = pytest.mark.stack

RESUMED_IN = 5.0
"""Seconds from SIGTERM until another worker has the conversion."""

CANCELLED_IN = 2.0
"""Seconds from a cancel until nothing works on it any more."""


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return half an hour of sound, which no drain can wait for."""
    return song(tmp_path_factory.mktemp("audio"), 1800, "song.mp3", "-b:a", "48k").read_bytes()


@contextmanager
def long_conversion(client: Client, endless: bytes) -> Iterator[str]:
    """Start a conversion that takes long; its upload is deleted after the `with`."""
    upload = client.upload(
        endless, "song.mp3", {"format": "flac", "normalize": -16.0, "sample_rate": 192000}
    )
    try:
        yield upload["conversions"][0]
    finally:
        client.http.delete(f"/api/uploads/{upload['id']}")


def find_runner(
    candidates: Sequence[WorkerProcess], conversion_id: str, seconds: float = 60.0
) -> WorkerProcess:
    def found() -> WorkerProcess | None:
        return next((worker for worker in candidates if worker.running() == conversion_id), None)

    worker = eventually(found, seconds, f"somebody runs {conversion_id}")
    assert worker
    return worker


@pytest.mark.long
@pytest.mark.parametrize("seed", draw_seeds())
def test_sigterm_releases_a_long_conversion_at_once_every_time(
    faulty_stack: EmbeddedStack, client: Client, endless: bytes, seed: int
) -> None:
    """More often than lost attempts are allowed, because a release is none."""
    rng = random.Random(seed)
    times = MAX_BLAMED_ATTEMPTS + 1
    names = [f"deployed-{seed}-{n}" for n in range(times + 1)]
    with (
        workers(faulty_stack, *names) as all_of_them,
        long_conversion(client, endless) as conversion_id,
    ):
        waiting = list(all_of_them)
        told: list[tuple[WorkerProcess, float]] = []
        for _ in range(times):
            old = find_runner(waiting, conversion_id)
            waiting.remove(old)
            eventually(partial(descendants, old.process.pid), 30, "ffmpeg runs")
            time.sleep(rng.uniform(0, 2))  # the moment is what is drawn here
            children = descendants(old.process.pid)
            old.send(signal.SIGTERM)
            told.append((old, time.monotonic()))
            find_runner(waiting, conversion_id, RESUMED_IN)
            assert not [child.pid for child in children if child.alive()]
        for old, since in told:
            assert old.process.wait(30) == 0
            assert time.monotonic() - since < 30 + RESUMED_IN * times
        running = client.conversion(conversion_id)
        assert (running["status"], running["attempts"]) == ("converting", times + 1)


def test_sigterm_lets_a_conversion_that_is_nearly_done_finish(
    faulty_stack: EmbeddedStack, client: Client, track: bytes, hashes: list[str]
) -> None:
    upload = client.upload(track, "song.mp3")
    with workers(faulty_stack, "finishing") as (only,):
        conversion_id = client.convert(upload["id"], **REQUESTS[1])["id"]
        eventually(
            lambda: 0 < client.conversion(conversion_id).get("eta_seconds", 0) < 10,
            120,
            "it knows that it takes less than the drain",
        )
        began = time.monotonic()
        only.send(signal.SIGTERM)
        assert only.process.wait(30) == 0
        assert time.monotonic() - began < 30
    done = client.conversion(conversion_id)
    assert (done["status"], done["attempts"], done["output"]["sha256"]) == (
        "completed",
        1,
        hashes[1],
    )


def test_sigkill_during_the_drain_costs_one_attempt(
    faulty_stack: EmbeddedStack, client: Client, bucket: Bucket, track: bytes, hashes: list[str]
) -> None:
    upload = client.upload(track, "song.mp3")
    with workers(faulty_stack, "ending", "next") as both:
        conversion_id = client.convert(upload["id"], **REQUESTS[1])["id"]
        old = find_runner(both, conversion_id)
        eventually(
            lambda: client.conversion(conversion_id).get("eta_seconds"),
            60,
            "it knows how long it will take",
        )
        old.send(signal.SIGTERM)
        time.sleep(0.3)  # the time that an impatient platform gives
        children = old.kill()
        ended = client.until_ended(conversion_id)
    assert (ended["status"], ended["output"]["sha256"]) == ("completed", hashes[1])
    assert not [child.pid for child in children if child.alive()]
    bucket.sweep()
    assert len(bucket.outputs_of(conversion_id)) == 1


@pytest.mark.long
def test_deployments_that_kill_early_never_give_a_conversion_up(
    faulty_stack: EmbeddedStack, client: Client, bucket: Bucket, track: bytes, hashes: list[str]
) -> None:
    """SIGTERM, and SIGKILL a second later: more often than lost attempts are allowed."""
    upload = client.upload(track, "song.mp3")
    with workers(faulty_stack, "impatient") as (worker,):
        conversion_id = client.convert(upload["id"], **REQUESTS[1])["id"]
        for _ in range(MAX_BLAMED_ATTEMPTS + 1):
            eventually(lambda: worker.running() == conversion_id, 60, "it runs")
            eventually(lambda: descendants(worker.process.pid), 30, "ffmpeg runs")
            worker.send(signal.SIGTERM)
            time.sleep(1)  # what an impatient platform gives
            worker.kill()
            worker.start()
        ended = client.until_ended(conversion_id)
    assert (ended["status"], ended["output"]["sha256"]) == ("completed", hashes[1])
    assert ended["attempts"] > MAX_BLAMED_ATTEMPTS + 1, "each deployment ended an attempt"
    bucket.sweep()
    assert len(bucket.outputs_of(conversion_id)) == 1


@pytest.mark.parametrize("call", ["cancel", "delete"])
@pytest.mark.parametrize("seed", draw_seeds())
def test_a_cancelled_or_deleted_conversion_ends_wherever_it_runs(
    faulty_stack: EmbeddedStack,
    client: Client,
    bucket: Bucket,
    endless: bytes,
    call: str,
    seed: int,
) -> None:
    with (
        workers(faulty_stack, f"cancelled-by-{call}-{seed}") as (worker,),
        long_conversion(client, endless) as conversion_id,
    ):
        eventually(worker.running, 60, "it has begun")
        time.sleep(random.Random(seed).uniform(0, 2))  # the moment is what is drawn here
        if call == "cancel":
            answer: Json = ok(client.http.post(f"/api/conversions/{conversion_id}/cancel"), 202)
            assert answer["status"] == "cancelled"
        else:
            assert client.http.delete(f"/api/conversions/{conversion_id}").status_code == 204
        eventually(lambda: not descendants(worker.process.pid), CANCELLED_IN, "ffmpeg has ended")
        eventually(
            lambda: worker.ended(conversion_id) == "conversion.lease_lost",
            10,
            "the attempt has ended",
        )
        assert not descendants(worker.process.pid)
    bucket.sweep()
    assert bucket.outputs_of(conversion_id) == []


def test_nothing_of_a_killed_worker_is_left_on_the_disk(
    faulty_stack: EmbeddedStack, client: Client, endless: bytes, tmp_path: Path
) -> None:
    """All that it had was memory, which ends with the process."""
    with (
        workers(faulty_stack, "tidy", TMPDIR=str(tmp_path)) as (worker,),
        long_conversion(client, endless) as conversion_id,
    ):
        eventually(
            lambda: client.conversion(conversion_id)["percent"], 60, "it is in the middle of it"
        )
        worker.kill()

    assert list(tmp_path.iterdir()) == []
    assert {path.suffix for path in (faulty_stack.home / "logs").iterdir()} == {".log"}
    assert {path.name for path in faulty_stack.home.iterdir()} == {"aws", "logs", "secrets.json"}
