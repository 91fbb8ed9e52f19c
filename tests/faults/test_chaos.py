"""Disturb every service and the emulator while five clients work, and check I1 to I8 at the end.

TINYPIXO_CHAOS sets the number of disturbances (`make test-chaos`: 100), TINYPIXO_SEED repeats a
run, and `tests/localstack` does the same on LocalStack.
"""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.network import free_port
from deploy.local.stack import EmbeddedStack
from tests.audio import song
from tests.faults.conftest import SETTINGS, Bucket
from tests.faults.disturber import Disturber, Supervisor
from tests.faults.invariants import (
    check_end,
    check_observations,
    count_by_status,
    find_orphans,
    find_secrets,
)
from tests.faults.journeys import PATIENCE, Traveller
from tests.faults.workers import eventually
from tests.system.client import Client, Json

pytestmark = [pytest.mark.stack, pytest.mark.timeout(3600)]

SEED = int(os.environ.get("TINYPIXO_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
CLIENTS = 5
CHAOS_SETTINGS = {**SETTINGS, "TINYPIXO_SLOTS": "2"}
CHAOS_REQUESTS: tuple[Json, ...] = (
    {"format": "mp3"},
    {"format": "opus"},
    {"format": "flac", "bit_depth": 24, "sample_rate": 96000},
)


@pytest.fixture
def disturbances() -> int:
    return int(os.environ.get("TINYPIXO_CHAOS", "25"))


@pytest.fixture(scope="module")
def chaos_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    home = tmp_path_factory.mktemp("chaos")
    with EmbeddedStack(home, free_port(), settings=CHAOS_SETTINGS, enforce_roles=True) as running:
        yield running


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a file of two parts."""
    return song(tmp_path_factory.mktemp("audio"), 55).read_bytes()


def undisturbed_hashes(stack: EmbeddedStack, recording: bytes) -> list[str]:
    with Client(stack.url) as client:
        upload = client.upload(recording, "song.wav", list(CHAOS_REQUESTS))
        ended = [client.until_ended(each) for each in upload["conversions"]]
        assert {each["status"] for each in ended} == {"completed"}
        client.http.delete(f"/api/uploads/{upload['id']}")
    return [each["output"]["sha256"] for each in ended]


def test_the_invariants_hold_whatever_is_killed_stopped_or_frozen(
    chaos_stack: EmbeddedStack, recording: bytes, disturbances: int
) -> None:
    print(f"TINYPIXO_SEED={SEED} TINYPIXO_CHAOS={disturbances}")
    rng = random.Random(SEED)
    hashes = undisturbed_hashes(chaos_stack, recording)
    travellers = [
        Traveller(chaos_stack.url, recording, CHAOS_REQUESTS, hashes, rng.randrange(10**9))
        for _ in range(CLIENTS)
    ]
    supervisor, disturber = Supervisor(chaos_stack), Disturber(chaos_stack, rng)
    supervisor.start()
    for traveller in travellers:
        traveller.start()
    for _ in range(disturbances):
        assert supervisor.error is None, supervisor.error
        disturber.disturb()
    for traveller in travellers:
        traveller.stop.set()
    for traveller in travellers:
        traveller.join(4 * PATIENCE)
        assert not traveller.is_alive()

    conversions = [each for traveller in travellers for each in traveller.conversions]
    print(f"{count_by_status(conversions)}; {dict(disturber.done)}")
    assert conversions
    broken = [error for traveller in travellers for error in traveller.errors]
    for traveller, neighbour in zip(travellers, [*travellers[1:], travellers[0]], strict=True):
        for mine in traveller.conversions:
            now = None if mine.was_deleted else traveller.state_of(mine)
            broken += check_observations(mine) + check_end(mine, now)
            if now and now["status"] == "completed":
                traveller.check_download(mine)  # I5, and I2 once more
            neighbour.check_foreign(mine)
        broken += traveller.errors
    assert broken == []

    bucket = Bucket(chaos_stack, chaos_stack.target.client("s3"))  # type: ignore[union-attr]
    eventually(lambda: bucket.sweep() and not find_orphans(chaos_stack), 60, "I4: no orphans")
    assert find_secrets(chaos_stack, Path(chaos_stack.home) / "logs") == []
    assert supervisor.error is None, supervisor.error
    for traveller in travellers:
        traveller.close()
