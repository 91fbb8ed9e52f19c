"""Test that long conversions of one session hold up nobody else, on the embedded stack."""

from pathlib import Path

import pytest

from deploy.local.stack import EmbeddedStack
from tests.audio import song
from tests.faults.conftest import REQUESTS
from tests.faults.workers import descendants, eventually, workers
from tests.system.client import Client

pytestmark = [pytest.mark.stack, pytest.mark.long]

LONG = {"format": "flac", "normalize": -16.0, "sample_rate": 192000}


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return an hour of sound."""
    return song(tmp_path_factory.mktemp("audio"), 3600, "song.mp3", "-b:a", "32k").read_bytes()


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_a_waiting_client_is_served_while_long_conversions_run(
    faulty_stack: EmbeddedStack, client: Client, endless: bytes, track: bytes, hashes: list[str]
) -> None:
    mine = client.upload(track, "song.mp3")
    with (
        Client(faulty_stack.url) as hog,
        workers(faulty_stack, "shared-time", slots=2) as (worker,),
    ):
        theirs = hog.upload(endless, "song.mp3", [LONG] * 4)
        eventually(lambda: len(worker.all_running()) == 2, 60, "both slots are taken")
        eventually(lambda: len(descendants(worker.process.pid)) >= 2, 60, "by ffmpeg")

        for request, sha256 in ((0, hashes[0]), (2, hashes[2])):
            made = client.convert(mine["id"], **REQUESTS[request])
            done = client.until_ended(made["id"])
            assert (done["status"], done["output"]["sha256"]) == ("completed", sha256)

        running = [hog.conversion(each) for each in theirs["conversions"]]
        assert [each["attempts"] for each in running if each["status"] == "converting"] == [1, 1]
        assert not [each for each in running if each["status"] == "completed"]
        hog.http.delete(f"/api/uploads/{theirs['id']}")
