"""Test whole conversions behind a faulty network (faults 21, 31, 32 and 52)."""

import os
import random

import pytest

from deploy.local.stack import EmbeddedStack
from deploy.local.targets import EmulatorTarget
from tests.fault_proxy import Fault, FaultProxy
from tests.faults.conftest import REQUESTS, Bucket
from tests.faults.workers import workers
from tests.system.client import Client

pytestmark = pytest.mark.stack

SEED = int(os.environ.get("TINYPIXO_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)

CHANCES: dict[Fault, float] = {
    "throttle": 0.2,
    "drop request": 0.03,
    "drop response": 0.03,
    "truncate response": 0.06,
}


def test_conversions_complete_to_the_same_bytes_behind_a_bad_network(
    faulty_stack: EmbeddedStack, client: Client, bucket: Bucket, track: bytes, hashes: list[str]
) -> None:
    print(f"TINYPIXO_SEED={SEED}")
    assert isinstance(faulty_stack.target, EmulatorTarget)
    proxy = FaultProxy(faulty_stack.target.emulator.endpoint_url, CHANCES, SEED)
    try:
        with workers(faulty_stack, "far-away", slots=2, AWS_ENDPOINT_URL=proxy.url):
            upload = client.upload(track, "song.mp3", list(REQUESTS))
            ended = [client.until_ended(conversion_id) for conversion_id in upload["conversions"]]
    finally:
        proxy.close()
        print(dict(proxy.log))

    assert [(each["status"], each.get("output", {}).get("sha256")) for each in ended] == [
        ("completed", known) for known in hashes
    ]
    assert all(proxy.log[fault] for fault in ("throttle", "truncate response")), proxy.log
    bucket.sweep()
    assert [len(bucket.outputs_of(conversion["id"])) for conversion in ended] == [1] * len(ended)
