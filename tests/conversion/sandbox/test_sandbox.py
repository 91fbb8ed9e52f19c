"""Test that a compromised FFmpeg reaches nothing: code attacks from inside the sandbox."""

import contextlib
import json
import os
import platform
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.conversion.sandbox import process as sandbox
from services.conversion.sandbox import supervisor
from services.conversion.sandbox.process import SandboxLevel
from services.conversion.sandbox.seccomp_filter import ALLOWED, CHECKED
from services.conversion.sandbox.syscall_table import names_by_number
from tests.conversion.sandbox.attack import OTHER_UID, attack_as, python_for
from tests.fault_injection import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox exists on Linux only")

SECRET = "secret"
EXPECTED = {
    "clone3": "ENOSYS",
    "unknown call": "ENOSYS",
    "terminal": "ENOTTY",
    "write to the source": "EBADF",
    "stat beside an empty path": "EBADF",
    "take 2 GiB": "ENOMEM",
}
"""How attacks fail that do not fail with EPERM."""


@pytest.fixture(params=["this user", f"user {OTHER_UID}"])
def uid(request: pytest.FixtureRequest) -> int | None:
    """Provide the user that the worker runs as: root is treated differently by the kernel."""
    if request.param == "this user":
        return None
    if os.getuid() != 0:
        pytest.skip("only root can start a worker as another user")
    try:
        python_for(OTHER_UID)
    except LookupError as error:
        pytest.skip(str(error))
    return OTHER_UID


@pytest.fixture
def private(uid: int | None) -> Iterator[Path]:
    """Provide a file that only the worker's user can read."""
    folder = Path(tempfile.mkdtemp(prefix="tinypixo-", dir="/tmp"))
    path = folder / "private"
    path.write_text(SECRET)
    path.chmod(0o600)
    if uid is not None:
        os.chown(path, uid, uid)
        os.chown(folder, uid, uid)
    yield path
    shutil.rmtree(folder)


def test_this_machine_has_the_strongest_sandbox() -> None:
    assert sandbox.best_sandbox_level() is SandboxLevel.SUPERVISED


def test_no_attack_leaves_the_sandbox(uid: int | None, private: Path) -> None:
    before = private.stat()
    outcome = attack_as(uid, "all_attacks", SandboxLevel.SUPERVISED, str(private))

    assert outcome.exit_code == 0, outcome.stderr
    result = outcome.result
    assert result.pop("environment").keys() <= {"LC_CTYPE"}
    assert result.pop("descriptors") == [outcome.source, outcome.output]
    assert result.pop("fstat") == outcome.stat
    assert len(result) > 100
    assert {name: error for name, error in result.items() if error != "EPERM"} == EXPECTED
    assert_untouched(private, before)
    assert (outcome.priority, outcome.output_blocks) == (os.getpriority(os.PRIO_PROCESS, 0), 0)
    assert outcome.affinity == sorted(os.sched_getaffinity(0))
    for kind in ("shm", "msg", "sem"):
        keys = [line.split()[0] for line in Path(f"/proc/sysvipc/{kind}").read_text().splitlines()]
        assert str(0x7E57) not in keys


def test_refused_calls_are_reported_by_name(uid: int | None, private: Path) -> None:
    refused = attack_as(uid, "all_attacks", SandboxLevel.SUPERVISED, str(private)).refused

    assert {"socket", "tgkill", "fchmodat2", "shmget", "process_vm_readv", "fallocate"} <= {
        *refused
    }
    assert f"open '{private}'" in refused
    assert "system call 999" in refused


def test_every_system_call_that_ffmpeg_does_not_need_is_refused(uid: int | None) -> None:
    """Each is called by its number, with arguments of 0."""
    names = names_by_number(platform.machine())
    # The kernel lets uretprobe pass all filters; outside of a probe it is an illegal instruction.
    skipped = (*ALLOWED, *CHECKED, "read", "pread64", "uretprobe")
    tried = {number: name for number, name in names.items() if name not in skipped}
    beyond = [500, 1000, 0x3FFFFFFF]
    outcome = attack_as(uid, "numbers", SandboxLevel.SUPERVISED, json.dumps([*tried, *beyond]))

    assert outcome.exit_code == 0, outcome.stderr
    errors = {tried.get(int(number), number): error for number, error in outcome.result.items()}
    expected = dict.fromkeys(tried.values(), "EPERM")
    expected |= {"clone3": "ENOSYS", "ioctl": "ENOTTY"} | {str(each): "ENOSYS" for each in beyond}
    assert errors == expected
    silent = {"open", "openat", "clone", "clone3", "ioctl", "sysinfo"}
    assert {*tried.values()} - silent <= {*outcome.refused}
    assert {f"system call {each}" for each in beyond} <= {*outcome.refused}


def test_rewinding_the_source_opens_nothing(uid: int | None, private: Path) -> None:
    """The supervisor once took a file position of 0 for a source that was not read yet."""
    outcome = attack_as(uid, "rewind", SandboxLevel.SUPERVISED, str(private))
    assert outcome.result == {"open": "EPERM", "open a library": "EPERM"}


def test_only_libraries_open_before_the_source_is_read(uid: int | None, private: Path) -> None:
    outcome = attack_as(uid, "before", SandboxLevel.SUPERVISED, str(private))

    assert outcome.result.pop("library") is True
    assert set(outcome.result.values()) == {"EPERM", "ENOENT"}
    assert outcome.result["open"] == "ENOENT"
    assert outcome.result["open its parent's environment"] == "ENOENT"


def test_threads_are_limited(uid: int | None) -> None:
    outcome = attack_as(uid, "threads", SandboxLevel.SUPERVISED, "2000")
    assert outcome.result["threads"] == supervisor.MAX_THREADS - 1
    assert outcome.refused == ["clone"]


def test_a_process_that_keeps_making_refused_calls_is_killed(uid: int | None) -> None:
    outcome = attack_as(uid, "flood", SandboxLevel.SUPERVISED, "")
    assert outcome.exit_code == -signal.SIGKILL
    assert outcome.refused == ["uname"]


@pytest.mark.parametrize(
    ("name", "answer"), [("read", "done"), ("open", "EPERM"), ("newfstatat", "done")]
)
def test_a_process_that_keeps_making_calls_takes_a_share_of_a_processor(
    name: str, answer: str
) -> None:
    """It waits for its answers, and fails by none. The worker has no burst left."""
    outcome = attack_as(None, "insist", SandboxLevel.SUPERVISED, name)
    assert outcome.result == {"answers": [answer]}
    assert outcome.worker_share < 0.2


def test_a_file_cannot_grow_beyond_its_limit(uid: int | None) -> None:
    outcome = attack_as(uid, "write", SandboxLevel.SUPERVISED, str(1 << 30))
    assert outcome.result == {"write": "EFBIG"}


def test_the_worker_is_hidden_from_processes_of_its_user(uid: int | None, private: Path) -> None:
    """Without notifications files can be read, but not what belongs to the worker's process.

    Root reads it by a capability, which the sandboxed process has given up.
    """
    result = attack_as(uid, "all_but_execve", SandboxLevel.FILTERED, str(private)).result
    assert result["open"] == "done"
    assert result["open its parent's environment"] == "EACCES"
    assert result["open its parent's memory"] in ("EACCES", "EPERM")


def test_without_notifications_almost_everything_is_still_refused(
    uid: int | None, private: Path
) -> None:
    before = private.stat()
    outcome = attack_as(uid, "all_but_execve", SandboxLevel.FILTERED, str(private))

    weaker = {
        "open", "open a library", "list a directory", "stat beside an empty path",
        "map the source", "map the source to execute", "open its parent's environment",
        "open its parent's memory", "open its own memory", "unknown call",
    }  # fmt: skip
    result = {
        name: error for name, error in outcome.result.items() if name not in (*weaker, *EXPECTED)
    }
    assert set(result.values()) == {"EPERM"}
    assert_untouched(private, before)


def test_a_child_dies_with_its_parent() -> None:
    """The parent is killed by SIGKILL, as by the kernel when memory is exhausted."""
    program = f"""
import sys, time
sys.path[:0] = {sys.path!r}
from services.conversion.sandbox import process as sandbox
child = sandbox.start(["/bin/sleep", "60"], [], {{}}, sandbox.SandboxLevel.FILTERED)
print(child.process.pid, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout
    pid = int(parent.stdout.readline())
    # It has executed the program.
    assert eventually(lambda: b"launcher" not in Path(f"/proc/{pid}/cmdline").read_bytes())
    assert is_alive(pid)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert eventually(lambda: not is_alive(pid))


def assert_untouched(private: Path, before: os.stat_result) -> None:
    """Check that the file is as it was, and alone in its folder."""
    after = private.stat()
    assert private.read_text() == SECRET
    assert stat.S_IMODE(after.st_mode) == 0o600
    assert (after.st_mtime_ns, after.st_nlink) == (before.st_mtime_ns, 1)
    assert os.listxattr(private) == []
    assert [path.name for path in private.parent.iterdir()] == ["private"]


def is_alive(pid: int) -> bool:
    """Return True if the process runs."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    return False
