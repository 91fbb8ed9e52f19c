"""Test a time in which S3, DynamoDB and SQS do not answer (faults 20, 31 and 35)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from deploy.local.emulator.process import MiniStack
from deploy.local.stack import EmbeddedStack
from deploy.local.targets import EmulatorTarget
from tests.faults.conftest import LEASE, REQUESTS, Bucket
from tests.faults.freezing import frozen
from tests.faults.workers import eventually, workers
from tests.system.client import Client, problem

pytestmark = pytest.mark.stack

TOLD_IN = 12.0
"""Seconds until a client gets 503: botocore's tries and a busy machine."""

BACK_IN = 30.0
"""Seconds until everything has recovered by itself."""


@contextmanager
def paused(stack: EmbeddedStack) -> Iterator[None]:
    """Let the emulator accept connections without answering them."""
    assert isinstance(stack.target, EmulatorTarget)
    assert isinstance(stack.target.emulator, MiniStack)
    process = stack.target.emulator._process
    assert process
    with frozen(process.pid):
        yield


@pytest.mark.long
def test_clients_get_503_while_aws_is_silent_and_all_recovers_after_it(
    faulty_stack: EmbeddedStack, client: Client, bucket: Bucket, track: bytes, hashes: list[str]
) -> None:
    upload = client.upload(track, "song.mp3")
    with workers(faulty_stack, "patient") as (worker,):
        conversion_id = client.convert(upload["id"], **REQUESTS[1])["id"]
        eventually(worker.running, 60, "the worker begins")

        with paused(faulty_stack):
            began = time.monotonic()
            for path in (
                f"/api/uploads/{upload['id']}",
                f"/api/conversions/{conversion_id}",
                f"/api/progress/{conversion_id}",
            ):
                asked = time.monotonic()
                answer = client.http.get(path)
                found = problem(answer, 503, "storage_unavailable")
                assert time.monotonic() - asked < TOLD_IN, path
                assert int(answer.headers["retry-after"]) > 0
                assert "Nothing is lost" in found["detail"]
            ready = httpx.get(
                f"http://127.0.0.1:{faulty_stack.ports['conversion']}/health/ready", timeout=TOLD_IN
            )
            assert {"S3", "DynamoDB", "SQS"} == problem(ready, 503, "not_ready")[
                "unreachable"
            ].keys()
            assert (
                httpx.get(
                    f"http://127.0.0.1:{faulty_stack.ports['conversion']}/health/live"
                ).status_code
                == 200
            )
            eventually(lambda: time.monotonic() - began > 2 * LEASE, 30, "the lease is over too")

        back = time.monotonic()
        eventually(
            lambda: client.http.get(f"/api/uploads/{upload['id']}").status_code == 200,
            BACK_IN,
            "the API is back",
        )
        ended = client.until_ended(conversion_id)
        assert time.monotonic() - back < BACK_IN + 15, "and the conversion's own time"
    assert (ended["status"], ended["output"]["sha256"]) == ("completed", hashes[1])
    bucket.sweep()
    assert len(bucket.outputs_of(conversion_id)) == 1


def test_an_idle_worker_continues_after_a_pause(
    faulty_stack: EmbeddedStack, client: Client, track: bytes, hashes: list[str]
) -> None:
    """The pause is longer than the worker's client waits for messages."""
    upload = client.upload(track, "song.mp3")
    with workers(faulty_stack, "idle") as (worker,):
        with paused(faulty_stack):
            eventually(
                lambda: any(e["event"] == "background.step_failed" for e in worker.events()),
                60,
                "the worker has noticed",
            )
        back = time.monotonic()
        eventually(
            lambda: client.http.get("/api/uploads").status_code == 200, BACK_IN, "the API is back"
        )
        conversion_id = client.convert(upload["id"], **REQUESTS[0])["id"]
        eventually(
            lambda: worker.running() or worker.ended(conversion_id),
            BACK_IN,
            "the worker works again",
        )
        assert time.monotonic() - back < BACK_IN
        assert client.until_ended(conversion_id)["output"]["sha256"] == hashes[0]
