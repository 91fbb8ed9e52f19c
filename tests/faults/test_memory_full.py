"""There is no room for what is being converted (FAULTS.md, row 29). Nothing is written to a disk here, so it is memory that is full."""

import errno
import os
import resource
from collections.abc import Callable

import pytest

from deploy.local.stack import EmbeddedStack
from libs.core.domain.conversions import Conversion, ConversionStatus
from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.ports import PART_SIZE
from services.conversion.storage import memory_file
from tests.conversion.support import World, beating
from tests.fakes import a_conversion, an_upload
from tests.faults.conftest import REQUESTS, Bucket
from tests.faults.workers import descendants, eventually, workers
from tests.system.client import Client, problem


@pytest.mark.stack
def test_a_result_that_finds_no_more_room_fails_cleanly_and_the_worker_goes_on(
    faulty_stack: EmbeddedStack, client: Client, bucket: Bucket, track: bytes, hashes: list[str]
) -> None:
    """One part of it is in S3 by then."""
    upload = client.upload(track, "song.mp3")
    with workers(faulty_stack, "cramped") as (worker,):
        eventually(worker.answers, 30, "it works")
        room = 2 * PART_SIZE + 64 * 1024  # the first part goes last
        resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, (room, room))
        for _ in range(2):
            failed = client.until_ended(client.convert(upload["id"], **REQUESTS[1])["id"])
            assert (failed["status"], failed["error"]["code"], failed["attempts"]) == (
                "failed",
                "internal",
                1,
            )
            problem(client.http.get(f"/api/conversions/{failed['id']}/download"), 409, "not_ready")
            eventually(
                lambda: not bucket.outputs_of(failed["id"]),  # noqa: B023 -- called at once
                10,
                "nothing of it is left, before any sweep",
            )
        assert not descendants(worker.process.pid)

        done = client.until_ended(client.convert(upload["id"], **REQUESTS[0])["id"])
        assert (done["status"], done["attempts"], done["output"]["sha256"]) == (
            "completed",
            1,
            hashes[0],
        )
        assert worker.process.poll() is None


@pytest.fixture
def world() -> World:
    return World()


def queued(world: World, body: bytes) -> Conversion:
    upload = an_upload("anna", world.clock(), size=len(body))
    world.uploads.create(upload, [])
    world.store(upload, body)
    return world.conversions.create(a_conversion(upload), world.uploads.mark_uploaded(upload.id))


def cannot_be_made(name: str, short: pytest.MonkeyPatch) -> None:
    create = memory_file.create

    def create_none(wanted: str) -> int:
        if wanted == name:
            raise OSError(errno.ENOMEM, "Cannot allocate memory")
        return create(wanted)

    short.setattr(memory_file, "create", create_none)


def takes_nothing_from_us(name: str, short: pytest.MonkeyPatch) -> None:
    pwrite = os.pwrite

    def write_nothing(fd: int, data: bytes, offset: int) -> int:
        if os.readlink(f"/proc/self/fd/{fd}").startswith(f"/memfd:{name} "):
            raise OSError(errno.ENOSPC, "No space left on device")
        return pwrite(fd, data, offset)

    short.setattr(os, "pwrite", write_nothing)


def takes_nothing_from_ffmpeg(name: str, short: pytest.MonkeyPatch) -> None:
    create = memory_file.create
    short.setattr(
        memory_file,
        "create",
        lambda wanted: os.open("/dev/full", os.O_RDWR) if wanted == name else create(wanted),
    )


@pytest.mark.parametrize(
    ("name", "is_full"),
    [
        ("source", cannot_be_made),
        ("source", takes_nothing_from_us),
        ("tags", cannot_be_made),
        ("tags", takes_nothing_from_us),
        ("output", cannot_be_made),
        ("output", takes_nothing_from_ffmpeg),
    ],
)
def test_wherever_memory_is_short_nothing_is_published_and_the_next_one_is_converted(
    world: World,
    track: bytes,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    is_full: Callable[[str, pytest.MonkeyPatch], None],
) -> None:
    run = world.run(FfmpegEngine())
    first, second = queued(world, track), queued(world, track)
    before = set(os.listdir("/proc/self/fd"))

    with monkeypatch.context() as short:
        is_full(name, short)
        assert run(first.id, beating) is True

    failed = world.now(first)
    assert failed.status is ConversionStatus.FAILED
    assert failed.error
    assert failed.error.code == "internal"
    assert "try again" in failed.error.detail
    assert world.outputs(first) == {}
    assert world.open_parts(first) == []
    eventually(
        lambda: set(os.listdir("/proc/self/fd")) <= before, 10, "the files closed"
    )  # large files are closed aside
    assert run(second.id, beating) is True
    assert world.now(second).status is ConversionStatus.COMPLETED
