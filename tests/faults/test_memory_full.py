"""Test conversions that find no memory or descriptor (fault 29); no file of theirs is on a disk."""

import errno
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from deploy.local.stack import EmbeddedStack
from libs.core.domain.conversions import Conversion, ConversionStatus
from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.ports import PART_SIZE
from services.conversion.sandbox import launchers
from services.conversion.sandbox.process import SandboxLevel, best_sandbox_level
from services.conversion.storage import memory_file
from tests.conversion.support import ConversionEnvironment, ignore_heartbeat
from tests.fakes import a_conversion, an_upload
from tests.faults.conftest import REQUESTS, Bucket
from tests.faults.workers import descendants, eventually, workers
from tests.system.client import Client, problem


@pytest.mark.stack
def test_an_output_without_room_fails_cleanly_and_the_worker_continues(
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
def env() -> ConversionEnvironment:
    return ConversionEnvironment()


@contextmanager
def descriptors_left(count: int) -> Iterator[None]:
    """Let this process open only so many descriptors more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = [int(fd) for fd in os.listdir("/proc/self/fd")]
    free = [fd for fd in range(max(used) + count + 2) if fd not in used]
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[count], hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("count", [0, 3, 8])
def test_without_descriptors_a_conversion_is_released_and_made_later(
    env: ConversionEnvironment, track: bytes, count: int
) -> None:
    run = env.runner(FfmpegEngine())
    conversion = add_song(env, track)
    before = set(os.listdir("/proc/self/fd"))

    best_sandbox_level.cache_clear()
    with descriptors_left(count):
        assert run(conversion.id, ignore_heartbeat) is False

    assert env.current(conversion).status is ConversionStatus.QUEUED
    eventually(lambda: set(os.listdir("/proc/self/fd")) <= before, 10, "the files closed")
    assert run(conversion.id, ignore_heartbeat) is True
    assert env.current(conversion).status is ConversionStatus.COMPLETED
    assert best_sandbox_level() is SandboxLevel.SUPERVISED, "it is as strong as ever"


@pytest.fixture
def with_launchers_ready(monkeypatch: pytest.MonkeyPatch) -> Iterator[FfmpegEngine]:
    """Provide an engine whose launchers wait, as in a worker: they need no descriptor to start."""
    ready = launchers.ReadyLaunchers()
    monkeypatch.setattr(launchers, "_START_AFTER", 0.0)
    monkeypatch.setattr(launchers, "ready", ready)
    engine = FfmpegEngine()
    engine.keep_processes_ready()
    eventually(lambda: count_waiting(ready) == 4, 30, "the launchers wait")
    yield engine
    ready._taken.set()  # as the next conversion does
    eventually(lambda: count_waiting(ready) == 4, 30, "they wait again")
    modules = [module for module, waiting in ready._ready.items() for _ in waiting]
    ready.keep([])
    for module in modules:
        ready.take(module).close()


def count_waiting(ready: launchers.ReadyLaunchers) -> int:
    return sum(len(waiting) for waiting in ready._ready.values())


@pytest.mark.parametrize("count", range(9))
def test_launchers_that_are_ready_let_no_conversion_fail(
    env: ConversionEnvironment, track: bytes, with_launchers_ready: FfmpegEngine, count: int
) -> None:
    run = env.runner(with_launchers_ready)
    conversion = add_song(env, track)

    best_sandbox_level.cache_clear()
    with descriptors_left(count):
        is_done = run(conversion.id, ignore_heartbeat)

    wanted = ConversionStatus.COMPLETED if is_done else ConversionStatus.QUEUED
    assert env.current(conversion).status is wanted
    assert best_sandbox_level() is SandboxLevel.SUPERVISED, "it is as strong as ever"


def add_song(env: ConversionEnvironment, body: bytes) -> Conversion:
    upload = an_upload("anna", env.clock(), size=len(body))
    env.uploads.create(upload, [])
    env.store_object(upload, body)
    return env.conversions.create(a_conversion(upload), env.uploads.mark_uploaded(upload.id))


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
def test_without_memory_nothing_is_published_and_the_next_is_converted(
    env: ConversionEnvironment,
    track: bytes,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    is_full: Callable[[str, pytest.MonkeyPatch], None],
) -> None:
    run = env.runner(FfmpegEngine())
    first, second = add_song(env, track), add_song(env, track)
    before = set(os.listdir("/proc/self/fd"))

    with monkeypatch.context() as short:
        is_full(name, short)
        assert run(first.id, ignore_heartbeat) is True

    failed = env.current(first)
    assert failed.status is ConversionStatus.FAILED
    assert failed.error
    assert failed.error.code == "internal"
    assert "try again" in failed.error.detail
    assert env.outputs(first) == {}
    assert env.open_parts(first) == []
    eventually(
        lambda: set(os.listdir("/proc/self/fd")) <= before, 10, "the files closed"
    )  # large files are closed aside
    assert run(second.id, ignore_heartbeat) is True
    assert env.current(second).status is ConversionStatus.COMPLETED
