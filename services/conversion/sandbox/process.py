"""Start a program in a sandbox that needs no privilege.

The launcher restricts the new process, the seccomp filter decides about its system calls, and the
supervisor answers those that the filter passes on. Kernels without user notification (before Linux
5.9, and some container runtimes) still refuse the network, other processes and writing to files.
Systems without seccomp (macOS) have resource limits, an empty environment and FFmpeg's own
allow-lists. See decision 10.
"""

import array
import contextlib
import ctypes
import errno
import functools
import logging
import os
import platform
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.conversion.exhaustion import NO_DESCRIPTOR
from services.conversion.sandbox import launchers, seccomp_filter
from services.conversion.sandbox.launchers import close_pipes
from services.conversion.sandbox.supervisor import SandboxSupervisor

log = logging.getLogger(__name__)

_START_TIMEOUT = 10.0
_PR_SET_DUMPABLE = 4
_FIXED_LIMITS = {
    # Crash dumps, locked memory, POSIX message queues, and priorities of its own choice.
    "RLIMIT_CORE": 0, "RLIMIT_MEMLOCK": 0, "RLIMIT_MSGQUEUE": 0, "RLIMIT_NICE": 0,
    "RLIMIT_RTPRIO": 0,
}  # fmt: skip


class SandboxLevel(StrEnum):
    """Name how strong a sandbox is, from the strongest to the weakest."""

    SUPERVISED = "supervised"
    """Seccomp with user notification: no file can be opened, and reads wait for the source."""
    FILTERED = "filtered"
    """Seccomp without user notification."""
    NONE = "none"


class FilterRefused(OSError):
    """Indicate that the kernel, or a container's runtime, does not take the filter."""


@dataclass
class SandboxedProcess:
    """Hold a process and the descriptor of its seccomp listener.

    `listener` is None unless the process is supervised.
    """

    process: subprocess.Popen[bytes]
    listener: int | None
    writes_are_packets: bool
    """Each read of stderr returns what one write wrote (at most a page of it)."""

    def kill(self) -> None:
        """Kill the whole process group and reap the child. May be repeated."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.kill()
        self.process.wait()


def start(
    command: Sequence[str],
    descriptors: Sequence[int],
    limits: Mapping[str, int],
    level: SandboxLevel,
) -> SandboxedProcess:
    """Start `command`; it inherits `descriptors` only, and stdout and stderr are pipes.

    `command` may be that of a Python module, see `module_command`.
    This process is hidden from it: see `hide_this_process`. `limits` maps names of RLIMIT to
    values.

    Raises:
        FilterRefused: The kernel has no such filter.
        NotImplementedError: There is no filter for this machine.
        OSError: The process cannot be started now. Its `errno` says what the system lacks.
        ValueError: A NUL is in `command`.
    """
    hide_this_process()
    is_supervised = level is SandboxLevel.SUPERVISED
    module: launchers.Module = ()
    if command[:1] == ["-m"]:
        module, command = tuple(command[1:3]), command[3:]
    if any("\0" in argument for argument in command):  # it would become two
        raise ValueError("an argument with a NUL")
    # The descriptors have the same numbers there as here, and the channel has none of theirs.
    channel = max(descriptors, default=2) + 1
    program = b""
    if level is not SandboxLevel.NONE:
        program = seccomp_filter.assemble(
            platform.machine(),
            supervised=is_supervised,
            channel=channel if is_supervised else None,
        )
    request = [
        ",".join(map(str, [channel, *descriptors])),
        ",".join(f"{name}={value}" for name, value in {**_FIXED_LIMITS, **limits}.items()),
        program.hex(),
        "1" if is_supervised else "0",
        *command,
    ]
    launcher = launchers.ready.take(module)
    try:
        return _hand_over(launcher, request, descriptors, is_supervised=is_supervised)
    except ConnectionError:  # it has died while it waited
        launcher = launchers.launch(module)
        return _hand_over(launcher, request, descriptors, is_supervised=is_supervised)


def _hand_over(
    launcher: launchers.Launcher,
    request: Sequence[str],
    descriptors: Sequence[int],
    *,
    is_supervised: bool,
) -> SandboxedProcess:
    child = SandboxedProcess(launcher.process, None, launcher.writes_are_packets)
    try:
        launcher.send(request, descriptors)
        if is_supervised:
            child.listener = _receive_listener(launcher.channel)
    except OSError as error:
        child.kill()
        message = child.process.stderr.read() if child.process.stderr else b""
        close_pipes(child.process)
        reason = message.decode(errors="replace")[-200:] or str(error)
        if reason.startswith(launchers.FILTER_REFUSED):
            raise FilterRefused(reason) from error
        log.warning("sandbox.not_started: %s", reason)
        code = error.errno if error.errno in NO_DESCRIPTOR else errno.EAGAIN
        kind = ConnectionError if isinstance(error, ConnectionError) else OSError
        raise kind(code, f"the sandbox did not start: {reason}") from error
    finally:
        launcher.channel.close()
    return child


def keep_ready(programs: int, *modules: str) -> None:
    """Start launchers ahead, from now on: for so many programs at once, and for these modules."""
    hide_this_process()
    launchers.ready.keep([*[()] * programs, *map(_module, modules)])


def module_command(name: str, *arguments: str) -> list[str]:
    """Return the command that imports a module in the sandbox, as here, and calls its `main`.

    The module may import whatever this process can. Nothing can be imported later.
    """
    return ["-m", *_module(name), *arguments]


def _module(name: str) -> launchers.Module:
    return os.pathsep.join(os.path.abspath(folder) for folder in sys.path), name


def _receive_listener(channel: socket.socket) -> int:
    numbers = array.array("i")
    _, ancillary, flags, _ = channel.recvmsg(1, socket.CMSG_LEN(numbers.itemsize))
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            numbers.frombytes(data)
            return numbers[0]
    if flags & socket.MSG_CTRUNC:
        raise OSError(errno.EMFILE, "no descriptor is left for the listener")
    raise OSError("no listener came")


@functools.cache
def hide_this_process() -> None:
    """Hide memory, environment and descriptors from other processes of the same user.

    A process that is not dumpable has a `/proc` folder that belongs to root, and cannot be traced.
    It also writes no core dump, and debuggers need root to attach.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


@functools.cache
def best_sandbox_level() -> SandboxLevel:
    """Return the strongest sandbox that works on this system, found by trying.

    Raises OSError if it cannot be tried now.
    """
    if sys.platform != "linux":
        return SandboxLevel.NONE
    for level in (SandboxLevel.SUPERVISED, SandboxLevel.FILTERED):
        if _works(level):
            return level
    return SandboxLevel.NONE


def _works(level: SandboxLevel) -> bool:
    """Try a level. Raises OSError if it fails for another reason: the answer is remembered."""
    with open(os.devnull, "rb") as source:
        try:
            child = start([], [], {}, level)
        except (NotImplementedError, FilterRefused):
            return False
        supervisor = None
        if child.listener is not None:
            supervisor = SandboxSupervisor(
                child.process.pid, child.listener, source.fileno(), lambda *_: True
            )
        try:
            _, message = child.process.communicate(timeout=_START_TIMEOUT)
        except subprocess.TimeoutExpired as error:
            raise OSError(errno.EAGAIN, "the sandbox did not start in time") from error
        finally:
            child.kill()
            close_pipes(child.process)
            if supervisor is not None:
                supervisor.close()
    if supervisor is not None and supervisor.error is not None:
        raise supervisor.error
    code, reason = child.process.returncode, message.decode(errors="replace")
    if code not in (0, launchers.TRIED_IN_VAIN) and not reason.startswith(launchers.FILTER_REFUSED):
        raise OSError(errno.EAGAIN, f"the sandbox did not start ({code}): {reason[-200:]}")
    return code == 0
