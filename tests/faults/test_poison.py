"""Test a file that crashes FFmpeg or the worker (faults 23 and 24)."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from deploy.local.stack import EmbeddedStack
from services.conversion.worker.retry_policy import MAX_BLAMED_ATTEMPTS
from tests.faults.conftest import REQUESTS, Bucket
from tests.faults.workers import WorkerProcess, descendants, eventually, workers
from tests.system.client import Client, is_terminal

pytestmark = pytest.mark.stack


@contextmanager
def crash_every_ffmpeg(worker: WorkerProcess) -> Iterator[list[int]]:
    """Send SIGSEGV to each FFmpeg that the worker starts; the list gets their process ids."""
    over, crashed = threading.Event(), list[int]()

    def crash() -> None:
        while not over.is_set():
            for child in descendants(worker.process.pid):
                if child.pid not in crashed and child.name().startswith(
                    "ffmpeg"
                ):  # and not what is about to become one
                    os.kill(child.pid, signal.SIGSEGV)
                    crashed.append(child.pid)

    watching = threading.Thread(target=crash)
    watching.start()
    try:
        yield crashed
    finally:
        over.set()
        watching.join()


def test_a_file_that_crashes_ffmpeg_fails_at_its_first_attempt(
    faulty_stack: EmbeddedStack, client: Client, bucket: Bucket, track: bytes, hashes: list[str]
) -> None:
    upload = client.upload(track, "song.mp3")
    with workers(faulty_stack, "crashing") as (worker,):
        # Once without crashes: at its first conversion a worker also asks ffmpeg for its version.
        client.until_ended(client.convert(upload["id"], **REQUESTS[0])["id"])
        with crash_every_ffmpeg(worker) as crashed:
            failed = client.until_ended(client.convert(upload["id"], **REQUESTS[1])["id"])
        assert crashed
        assert (failed["status"], failed["attempts"]) == ("failed", 1)
        assert failed["error"]["code"] in ("corrupt", "not_audio")

        done = client.until_ended(client.convert(upload["id"], **REQUESTS[0])["id"])
        assert (done["status"], done["output"]["sha256"]) == ("completed", hashes[0])
    bucket.sweep()
    assert bucket.outputs_of(failed["id"]) == []


@pytest.mark.long
def test_a_file_that_kills_every_worker_fails_and_others_are_converted(
    faulty_stack: EmbeddedStack, client: Client, bucket: Bucket, track: bytes, hashes: list[str]
) -> None:
    upload = client.upload(track, "song.mp3")
    poison = client.convert(upload["id"], **REQUESTS[1])["id"]
    with workers(faulty_stack, "mortal") as (worker,):
        deaths = 0
        while not is_terminal(client.conversion(poison)):
            if worker.running() == poison and deaths < MAX_BLAMED_ATTEMPTS:
                worker.kill()
                worker.start()
                deaths += 1
        other = client.until_ended(client.convert(upload["id"], **REQUESTS[0])["id"])

    failed = client.conversion(poison)
    assert (failed["status"], failed["error"]["code"]) == ("failed", "worker_lost")
    assert deaths == MAX_BLAMED_ATTEMPTS
    assert (other["status"], other["output"]["sha256"]) == ("completed", hashes[0])
    bucket.sweep()
    assert bucket.outputs_of(poison) == []


@pytest.mark.long
def test_the_neighbour_of_a_file_that_kills_its_worker_is_converted(
    faulty_stack: EmbeddedStack, client: Client, bucket: Bucket, track: bytes, hashes: list[str]
) -> None:
    """Both are lost at the first death; from then on each runs alone."""
    upload = client.upload(track, "song.mp3")
    poison = client.convert(upload["id"], **REQUESTS[1])["id"]
    innocent = client.convert(upload["id"], **REQUESTS[1])["id"]
    with workers(faulty_stack, "shared", slots=2) as (worker,):
        eventually(lambda: worker.all_running() == {poison, innocent}, 60, "both run")
        deaths = 0
        while not is_terminal(client.conversion(poison)):
            running = worker.all_running()
            if poison in running and deaths <= MAX_BLAMED_ATTEMPTS:
                assert not deaths or running == {poison}, "a suspect runs alone"
                worker.kill()
                worker.start()
                deaths += 1
        done = client.until_ended(innocent)

    failed = client.conversion(poison)
    assert (failed["status"], failed["error"]["code"]) == ("failed", "worker_lost")
    assert deaths == 1 + MAX_BLAMED_ATTEMPTS
    assert (done["status"], done["output"]["sha256"]) == ("completed", hashes[1])
    bucket.sweep()
    assert [len(bucket.outputs_of(each)) for each in (poison, innocent)] == [0, 1]
