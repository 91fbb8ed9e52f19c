"""Test a worker that hangs beyond its lease and then continues (fault 19).

Other orders of events are in tests/conversion/worker/test_lost_leases.py.
"""

import pytest

from deploy.local.stack import EmbeddedStack
from tests.faults.conftest import REQUESTS, Bucket
from tests.faults.freezing import frozen
from tests.faults.workers import eventually, workers
from tests.system.client import Client

pytestmark = pytest.mark.stack


def test_a_zombie_is_refused_and_leaves_the_winners_output_alone(
    faulty_stack: EmbeddedStack, client: Client, bucket: Bucket, track: bytes, hashes: list[str]
) -> None:
    upload = client.upload(track, "song.mp3")
    with workers(faulty_stack, "zombie") as (zombie,):
        conversion_id = client.convert(upload["id"], **REQUESTS[1])["id"]
        eventually(zombie.running, 60, "the worker begins")
        with workers(faulty_stack, "winner"):
            with frozen(zombie.process.pid):
                ended = client.until_ended(conversion_id)
                assert (ended["status"], ended["attempts"]) == ("completed", 2)
            # It may have been frozen while it waited for a program, and report that first.
            eventually(
                lambda: zombie.ended(conversion_id) == "conversion.lease_lost",
                60,
                "the zombie ends",
            )

    after = client.conversion(conversion_id)
    assert after["version"] == ended["version"]
    assert after["output"]["sha256"] == hashes[1]
    client.download(conversion_id)
    bucket.sweep()
    assert len(bucket.outputs_of(conversion_id)) == 1
