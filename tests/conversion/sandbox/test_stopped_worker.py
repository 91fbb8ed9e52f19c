"""Test that a worker that is stopped and continued starts programs as before."""

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import imageio_ffmpeg
import pytest

from services.conversion.sandbox import launchers
from services.conversion.sandbox import process as sandbox
from services.conversion.sandbox.process import SandboxLevel
from services.conversion.sandbox.supervisor import SandboxSupervisor

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox exists on Linux only")

STARTS = 10
INTERVAL = 0.0002
"""Seconds between interruptions: about a hundred of them meet each start."""


@pytest.fixture
def interruptions() -> Iterator[None]:
    """Interrupt the supervisor's calls as a stop does: the kernel starts them again."""
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    signal.siginterrupt(signal.SIGUSR1, False)
    ended = threading.Event()

    def interrupt() -> None:
        while not ended.wait(INTERVAL):
            for thread in threading.enumerate():
                if thread.name == "sandbox-supervisor" and thread.ident:
                    with contextlib.suppress(ProcessLookupError):
                        signal.pthread_kill(thread.ident, signal.SIGUSR1)

    thread = threading.Thread(target=interrupt)
    thread.start()
    yield
    ended.set()
    thread.join()
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.usefixtures("interruptions")
def test_a_stop_of_the_worker_lets_no_program_fail_to_load() -> None:
    codes = [start_ffmpeg() for _ in range(STARTS)]

    assert codes == [0] * STARTS


def start_ffmpeg() -> int:
    """Return the exit status of an FFmpeg that prints its version: it loads its libraries."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-version"]
    with open("/dev/null", "rb") as source:
        child = sandbox.start(command, [], {}, SandboxLevel.SUPERVISED)
        assert child.listener is not None
        supervisor = SandboxSupervisor(
            child.process.pid, child.listener, source.fileno(), lambda *_: True
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.communicate(timeout=60)
        child.kill()
        supervisor.close()
        launchers.close_pipes(child.process)
    return child.process.returncode
