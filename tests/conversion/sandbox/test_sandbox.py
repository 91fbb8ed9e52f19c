"""Test that a compromised FFmpeg reaches nothing: Python code attacks from inside the sandbox."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.conversion.pipeline.limits import Limits
from services.conversion.sandbox import process as sandbox
from services.conversion.sandbox.supervisor import SandboxSupervisor
from services.conversion.storage import memory_file

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox exists on Linux only")

ATTACKS = """
import ctypes, errno, json, os, resource, signal, socket, subprocess, sys, mmap, _posixsubprocess
source, private, parent = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
libc = ctypes.CDLL(None, use_errno=True)

def syscall(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")

def threads_work():
    import threading
    done = []
    thread = threading.Thread(target=done.append, args=(1,))
    thread.start(); thread.join()
    return done

attacks = {
    "read a file": lambda: os.open(private, os.O_RDONLY),
    "read its parent's environment": lambda: os.open(f"/proc/{parent}/environ", os.O_RDONLY),
    "read its parent's memory": lambda: os.open(f"/proc/{parent}/mem", os.O_RDONLY),
    "list a folder": lambda: os.listdir("/"),
    "write a file": lambda: os.open(private + ".new", os.O_WRONLY | os.O_CREAT),
    "remove a file": lambda: os.unlink(private),
    "rename a file": lambda: os.rename(private, private + ".old"),
    "make a folder": lambda: os.mkdir(private + ".d"),
    "change rights": lambda: os.chmod(private, 0o777),
    "open a socket": lambda: socket.socket(),
    "open a local socket": lambda: socket.socket(socket.AF_UNIX),
    "resolve a name": lambda: socket.create_connection(("127.0.0.1", 9)),
    "fork": lambda: os.fork(),
    "become a program": lambda: os.execve("/bin/true", ["true"], {}),
    "spawn a program": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "kill its parent": lambda: os.kill(parent, signal.SIGKILL),
    "kill everybody": lambda: os.kill(-1, signal.SIGKILL),
    "trace its parent": lambda: syscall(101, 16, parent, 0, 0),
    "read foreign memory": lambda: syscall(310, parent, 0, 0, 0, 0, 0),
    "raise its limits": lambda: syscall(302, 0, resource.RLIMIT_AS, b"\\xff" * 16, 0),
    "mount": lambda: syscall(165, b"none", b"/tmp", b"tmpfs", 0, 0),
    "leave its namespace": lambda: syscall(272, 0x10000000),
    "load a program into the kernel": lambda: syscall(321, 0, 0, 0),
    "use io_uring": lambda: syscall(425, 1, 0),
    "make a memory file": lambda: os.memfd_create("x"),
    "become somebody else": lambda: os.setuid(1),
    "take a gigabyte": lambda: mmap.mmap(-1, 2 << 30),
}
os.read(source, 1)
result = {"environment": dict(os.environ), "descriptors": [], "threads": bool(threads_work())}
for fd in range(3, 64):
    try:
        os.fstat(fd)
        result["descriptors"].append(fd)
    except OSError:
        pass
if sys.argv[4] == "filtered":
    del attacks["become a program"]  # it would succeed
for name, action in attacks.items():
    try:
        action()
        result[name] = "done"
    except (OSError, ValueError, MemoryError) as error:
        result[name] = errno.errorcode.get(getattr(error, "errno", None), type(error).__name__)
os.write(1, json.dumps(result).encode())
"""


@pytest.fixture
def source() -> Any:
    fd = memory_file.create_with_content("source", b"the first byte of a stranger's file")
    yield fd
    os.close(fd)


def attack(source: int, private: Path, level: sandbox.SandboxLevel) -> dict[str, Any]:
    """Run all attacks in the sandbox and return the outcome of each."""
    command = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        ATTACKS,
        str(source),
        str(private),
        str(os.getpid()),
        level.value,
    ]
    child = sandbox.start(command, [source], Limits().rlimits(30, 0), level)
    supervisor = (
        SandboxSupervisor(child.listener, source, lambda _position, _count: True)
        if child.listener is not None
        else None
    )
    try:
        assert child.process.stdout
        assert child.process.stderr
        said, complained = child.process.stdout.read(), child.process.stderr.read()
        assert child.process.wait(20) == 0, complained
        return dict(json.loads(said))
    finally:
        child.kill()
        sandbox.close_pipes(child.process)
        if supervisor:
            supervisor.close()


def test_this_machine_has_the_strongest_sandbox() -> None:
    assert sandbox.best_sandbox_level() is sandbox.SandboxLevel.SUPERVISED


def test_no_attack_leaves_the_sandbox(source: int, tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.write_text("secret")
    result = attack(source, private, sandbox.SandboxLevel.SUPERVISED)
    assert result.pop("environment").keys() <= {"LC_CTYPE"}
    assert result.pop("descriptors") == [source]
    assert result.pop("threads") is True
    assert result.pop("take a gigabyte") in ("ENOMEM", "MemoryError")
    escaped = {
        name: outcome for name, outcome in result.items() if outcome not in ("EPERM", "EACCES")
    }
    assert escaped == {}
    assert private.read_text() == "secret"
    assert [p.name for p in tmp_path.iterdir()] == ["private"]


def test_without_notifications_network_and_processes_are_still_refused(
    source: int, tmp_path: Path
) -> None:
    result = attack(source, tmp_path / "private", sandbox.SandboxLevel.FILTERED)
    for name in (
        "open a socket",
        "resolve a name",
        "fork",
        "spawn a program",
        "kill its parent",
        "raise its limits",
        "trace its parent",
    ):
        assert result[name] == "EPERM", name


def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    """The parent is killed by SIGKILL, as by the kernel when memory is exhausted."""
    program = f"""
import os, sys, time
sys.path[:0] = {sys.path!r}
from services.conversion.sandbox import process as sandbox
child = sandbox.start([sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"], [], {{}}, sandbox.SandboxLevel.FILTERED)
print(child.process.pid, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout
    pid = int(parent.stdout.readline())
    assert eventually(
        lambda: b"launcher" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    )  # it has executed the program
    assert alive(pid)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert eventually(lambda: not alive(pid))


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    return False


def eventually(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 5
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False
