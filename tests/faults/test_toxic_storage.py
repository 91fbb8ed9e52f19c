"""Test whole conversions behind a faulty network (faults 21, 31, 32 and 52)."""

import pytest

from deploy.local.stack import EmbeddedStack
from deploy.local.targets import EmulatorTarget
from tests.fault_proxy import Fault, FaultProxy
from tests.faults.conftest import REQUESTS, Bucket
from tests.faults.workers import workers
from tests.seeds import draw_seeds
from tests.system.client import Client

pytestmark = pytest.mark.stack

CHANCES: dict[Fault, float] = {
    "throttle": 0.2,
    "drop request": 0.03,
    "drop response": 0.03,
    "truncate response": 0.06,
}


@pytest.mark.parametrize("seed", draw_seeds())
def test_conversions_complete_to_the_same_bytes_behind_a_bad_network(
    faulty_stack: EmbeddedStack,
    client: Client,
    bucket: Bucket,
    track: bytes,
    hashes: list[str],
    seed: int,
) -> None:
    assert isinstance(faulty_stack.target, EmulatorTarget)
    proxy = FaultProxy(faulty_stack.target.emulator.endpoint_url, CHANCES, seed)
    try:
        with workers(faulty_stack, f"far-away-{seed}", slots=2, AWS_ENDPOINT_URL=proxy.url):
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
