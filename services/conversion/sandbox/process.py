"""Starts FFmpeg in a jail that needs no privilege, see the launcher, the filter and the gate.

Where the kernel cannot ask the parent (before Linux 5.5, some sandboxes), the filter still refuses the network and other processes; where
there is no seccomp at all (macOS), limits, an empty environment and FFmpeg's own whitelists are what is left. `best_sandbox_level` says which.
"""

import array
import contextlib
import functools
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from services.conversion.sandbox import seccomp_filter

_LAUNCHER = Path(__file__).with_name("launcher.py")
_START_SECONDS = 10.0


class SandboxLevel(StrEnum):
    """How strong it is, from the strongest."""

    ASKING = "asking"
    """Linux with seccomp user notification: no file can be opened after start, reads wait for S3."""
    FILTERING = "filtering"
    """Linux with plain seccomp."""
    NONE = "none"


@dataclass
class SandboxedProcess:
    """A process in the jail. `listener` answers its questions, see SandboxSupervisor; None where it asks none."""

    process: subprocess.Popen[bytes]
    listener: int | None

    def kill(self) -> None:
        """Kills the whole process group and reaps the child. May be repeated."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.kill()
        self.process.wait()


def start(
    command: Sequence[str],
    descriptors: Sequence[int],
    limits: Mapping[str, int],
    jail: SandboxLevel,
) -> SandboxedProcess:
    """Starts `command` with nothing but `descriptors`, stdout and stderr (pipes); `limits` maps names of RLIMIT to values.

    Raises OSError when it cannot be started.
    """
    ours, theirs = socket.socketpair()
    with ours, theirs:
        setup = [
            ",".join(f"{name}={value}" for name, value in limits.items()),
            ""
            if jail is SandboxLevel.NONE
            else seccomp_filter.program(notify=jail is SandboxLevel.ASKING).hex(),
            "1" if jail is SandboxLevel.ASKING else "0",
        ]
        process = subprocess.Popen(  # noqa: S603 - an argument list of our own making, no shell
            [
                sys.executable,
                "-I",
                "-S",
                str(_LAUNCHER),
                str(theirs.fileno()),
                str(os.getpid()),
                *setup,
                *command,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[theirs.fileno(), *descriptors],
            env={},
            cwd="/",
            start_new_session=True,
        )
        child = SandboxedProcess(process, None)
        theirs.close()
        if jail is SandboxLevel.ASKING:
            child.listener = _receive_listener(ours, child)
        return child


def _receive_listener(channel: socket.socket, child: SandboxedProcess) -> int:
    channel.settimeout(_START_SECONDS)
    numbers = array.array("i")
    try:
        _, ancillary, _, _ = channel.recvmsg(1, socket.CMSG_LEN(numbers.itemsize))
    except TimeoutError:
        ancillary = []
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            numbers.frombytes(data)
            return numbers[0]
    child.kill()
    words = child.process.stderr.read() if child.process.stderr else b""
    close_pipes(child.process)
    raise OSError(f"the jail did not come up: {words.decode(errors='replace')[-200:]}")


def close_pipes(process: subprocess.Popen[bytes]) -> None:
    """Closes our ends of its stdout and stderr."""
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


@functools.cache
def best_sandbox_level() -> SandboxLevel:
    """The strongest jail that works here, found by trying."""
    if sys.platform != "linux":
        return SandboxLevel.NONE
    for jail in (SandboxLevel.ASKING, SandboxLevel.FILTERING):
        if _works(jail):
            return jail
    return SandboxLevel.NONE


def _works(jail: SandboxLevel) -> bool:
    from services.conversion.sandbox.supervisor import SandboxSupervisor

    with open(os.devnull, "rb") as nothing:
        try:
            child = start([sys.executable, "-I", "-S", "-c", "pass"], [], {}, jail)
        except (OSError, NotImplementedError):
            return False
        gate = (
            None
            if child.listener is None
            else SandboxSupervisor(child.listener, nothing.fileno(), lambda _position, _count: True)
        )
        try:
            return child.process.wait(_START_SECONDS) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            child.kill()
            close_pipes(child.process)
            if gate is not None:
                gate.close()
