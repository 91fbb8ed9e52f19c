"""Attack from inside the sandbox. Runs in place of the launcher, and instead of FFmpeg.

Run as `python -I -S attacker.py …` with the launcher's own arguments, of which the program is
`MODE SOURCE OUTPUT PRIVATE PARENT`: what to try, two descriptors, the path of a file with a secret,
and the process id of the worker. Prints what came of it as JSON.

The launcher's own code restricts the process. FFmpeg would be executed then; this code goes on
instead, so that it needs no compiler and no other program.
"""

import ctypes
import errno
import fcntl
import functools
import importlib.util
import json
import mmap
import os
import signal
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

Action = Callable[[], object]

SANDBOX = Path(__file__).parents[3] / "services" / "conversion" / "sandbox"


def load(name: str) -> Any:
    """Import a module of the sandbox by its path: there is no project on the path here."""
    spec = importlib.util.spec_from_file_location(name, SANDBOX / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
NUMBERS = load("syscall_table").numbers_by_name(os.uname().machine)
BUFFER, PAGE = ctypes.create_string_buffer(4096), mmap.mmap(-1, 4096)
AT_FDCWD, AT_EMPTY_PATH = -100, 0x1000
CLONE_VM, CLONE_VFORK = 0x100, 0x4000


def syscall(name: str | int, *arguments: bytes | int) -> int:
    """Make a system call by its number; raise OSError if it fails."""
    number = NUMBERS[name] if isinstance(name, str) else name
    converted = [
        ctypes.c_char_p(each) if isinstance(each, bytes) else ctypes.c_long(each)
        for each in arguments
    ]
    result: int = LIBC.syscall(ctypes.c_long(number), *converted)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def attempt(action: Action) -> str:
    """Return the name of the error that an action fails with, or "done"."""
    try:
        action()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error.errno))
    except MemoryError:
        return "ENOMEM"
    return "done"


def attacks(source: int, output: int, private: str, parent: int) -> dict[str, Action]:
    """Return what a compromised FFmpeg would try, by group."""
    path = os.fsencode(private)
    buffer = ctypes.addressof(BUFFER)
    address = ctypes.addressof(ctypes.c_char.from_buffer(PAGE))
    times = bytes(32)
    return {
        "open": lambda: os.open(private, os.O_RDONLY),
        "open to write": lambda: os.open(private, os.O_WRONLY),
        "open a new file": lambda: os.open(private + ".new", os.O_WRONLY | os.O_CREAT),
        "open its parent's environment": lambda: os.open(f"/proc/{parent}/environ", os.O_RDONLY),
        "open its parent's memory": lambda: os.open(f"/proc/{parent}/mem", os.O_RDWR),
        "open its own memory": lambda: os.open("/proc/self/mem", os.O_RDWR),
        "open a library": lambda: os.open(sys.executable, os.O_RDONLY),
        "openat2": lambda: syscall("openat2", AT_FDCWD, path, bytes(24), 24),
        "open_by_handle_at": lambda: syscall("open_by_handle_at", AT_FDCWD, bytes(32), 0),
        "name_to_handle_at": lambda: syscall(
            "name_to_handle_at", AT_FDCWD, path, bytes(64), bytes(8), 0
        ),
        "stat": lambda: os.stat(private),
        "stat beside an empty path": lambda: syscall(
            "newfstatat", AT_FDCWD, path, buffer, AT_EMPTY_PATH
        ),
        "statx": lambda: syscall("statx", AT_FDCWD, path, 0, 0xFFF, buffer),
        "statfs": lambda: syscall("statfs", path, buffer),
        "access": lambda: syscall("faccessat", AT_FDCWD, path, 0),
        "readlink": lambda: os.readlink("/proc/self/exe"),
        "list a directory": lambda: os.listdir("/"),
        "getcwd": lambda: syscall("getcwd", buffer, 4096),
        "chdir": lambda: os.chdir("/tmp"),
        "chroot": lambda: os.chroot("/"),
        "mkdir": lambda: os.mkdir(private + ".d"),
        "rename": lambda: os.rename(private, private + ".old"),
        "link": lambda: os.link(private, private + ".link"),
        "symlink": lambda: os.symlink(private, private + ".symlink"),
        "unlink": lambda: os.unlink(private),
        "mknod": lambda: os.mkfifo(private + ".fifo"),
        "truncate": lambda: os.truncate(private, 0),
        "chmod": lambda: os.chmod(private, 0o777),
        "fchmodat2": lambda: syscall("fchmodat2", AT_FDCWD, path, 0o777, 0),
        "fchmod": lambda: os.fchmod(output, 0o777),
        "chown": lambda: os.chown(private, os.getuid(), os.getgid()),
        "utimensat": lambda: syscall("utimensat", AT_FDCWD, path, times, 0),
        "setxattr": lambda: os.setxattr(private, "user.x", b"x"),
        "fsetxattr": lambda: os.setxattr(output, "user.x", b"x"),
        "getxattr": lambda: os.listxattr(private),
        "inotify": lambda: syscall("inotify_init1", 0),
        "fanotify": lambda: syscall("fanotify_init", 0, 0),
        "flock": lambda: fcntl.flock(output, fcntl.LOCK_EX),
        "lock a range": lambda: fcntl.lockf(output, fcntl.LOCK_EX),
        "lease": lambda: fcntl.fcntl(source, fcntl.F_SETLEASE, fcntl.F_RDLCK),
        "seal": lambda: fcntl.fcntl(output, fcntl.F_ADD_SEALS, 1),
        "socket": lambda: syscall("socket", 2, 1, 0),
        "local socket": lambda: syscall("socket", 1, 1, 0),
        "netlink socket": lambda: syscall("socket", 16, 3, 0),
        "socketpair": lambda: syscall("socketpair", 1, 1, 0, buffer),
        "connect": lambda: syscall("connect", 1, buffer, 16),
        "sendmsg": lambda: syscall("sendmsg", 1, buffer, 0),
        "fork": lambda: syscall("clone", signal.SIGCHLD, 0, 0, 0, 0),
        "vfork": lambda: syscall("clone", CLONE_VM | CLONE_VFORK | signal.SIGCHLD, 0, 0, 0, 0),
        "clone3": lambda: syscall("clone3", bytes(88), 88),
        "execve": lambda: os.execve("/bin/true", ["true"], {}),
        "execveat": lambda: syscall("execveat", AT_FDCWD, b"/bin/true", 0, 0, 0),
        "kill its parent": lambda: os.kill(parent, signal.SIGKILL),
        "kill everybody": lambda: os.kill(-1, signal.SIGKILL),
        "tkill": lambda: syscall("tkill", parent, signal.SIGKILL),
        "tgkill": lambda: syscall("tgkill", parent, parent, signal.SIGKILL),
        "rt_sigqueueinfo": lambda: syscall("rt_sigqueueinfo", parent, 9, bytes(128)),
        "rt_tgsigqueueinfo": lambda: syscall("rt_tgsigqueueinfo", parent, parent, 9, bytes(128)),
        "pidfd_open": lambda: syscall("pidfd_open", parent, 0),
        "send a signal by F_SETOWN": lambda: fcntl.fcntl(source, fcntl.F_SETOWN, parent),
        "choose a signal by F_SETSIG": lambda: fcntl.fcntl(source, fcntl.F_SETSIG, 9),
        "asynchronous input": lambda: fcntl.fcntl(source, fcntl.F_SETFL, os.O_ASYNC),
        "timer_create": lambda: syscall("timer_create", 0, 0, buffer),
        "setitimer": lambda: signal.setitimer(signal.ITIMER_REAL, 3600),
        "ptrace": lambda: syscall("ptrace", 16, parent, 0, 0),
        "process_vm_readv": lambda: syscall("process_vm_readv", parent, buffer, 1, buffer, 1, 0),
        "process_vm_writev": lambda: syscall("process_vm_writev", parent, buffer, 1, buffer, 1, 0),
        "process_madvise": lambda: syscall("process_madvise", 0, buffer, 1, 4, 0),
        "kcmp": lambda: syscall("kcmp", parent, os.getpid(), 0, 0, 0),
        "setpriority": lambda: os.setpriority(os.PRIO_PROCESS, parent, 19),
        "getpriority": lambda: os.getpriority(os.PRIO_PROCESS, parent),
        "sched_setscheduler": lambda: syscall("sched_setscheduler", parent, 3, bytes(4)),
        "sched_setaffinity": lambda: os.sched_setaffinity(parent, {0}),
        "sched_getaffinity": lambda: os.sched_getaffinity(parent),
        "ioprio_set": lambda: syscall("ioprio_set", 1, parent, 0x6007),
        "limits of its parent": lambda: syscall("prlimit64", parent, 0, 0, buffer),
        "raise its limits": lambda: syscall("prlimit64", 0, 9, b"\xff" * 16, 0),
        "shared memory": lambda: syscall("shmget", 0x7E57, 4096, 0o1666),
        "message queue": lambda: syscall("msgget", 0x7E57, 0o1666),
        "semaphore": lambda: syscall("semget", 0x7E57, 1, 0o1666),
        "POSIX message queue": lambda: syscall("mq_open", b"x", os.O_CREAT | os.O_RDWR, 0o666, 0),
        "memory file": lambda: os.memfd_create("x"),
        "secret memory": lambda: syscall("memfd_secret", 0),
        "pipe": lambda: os.pipe(),
        "eventfd": lambda: syscall("eventfd2", 0, 0),
        "epoll": lambda: syscall("epoll_create1", 0),
        "fallocate": lambda: os.posix_fallocate(output, 0, 1 << 30),
        "punch a hole": lambda: syscall("fallocate", output, 3, 0, 4096),
        "ftruncate": lambda: os.ftruncate(output, 1 << 30),
        "write to the source": lambda: os.pwrite(source, b"x", 0),
        "splice": lambda: syscall("splice", 0, 0, output, 0, 4096, 0),
        "sendfile": lambda: os.sendfile(output, source, 0, 1),
        "copy_file_range": lambda: os.copy_file_range(source, output, 1),
        "readv": lambda: os.preadv(source, [bytearray(1)], 0),
        "executable memory": lambda: mmap.mmap(
            -1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
        ),
        "make memory executable": lambda: syscall("mprotect", address, 4096, 5),
        "map the source": lambda: mmap.mmap(source, 1, prot=mmap.PROT_READ),
        "map the source to execute": lambda: mmap.mmap(
            source, 1, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_EXEC
        ),
        "lock memory": lambda: syscall("mlock", address, 4096),
        "take 2 GiB": lambda: mmap.mmap(-1, 2 << 30),
        "userfaultfd": lambda: syscall("userfaultfd", 0),
        "mount": lambda: syscall("mount", b"none", b"/tmp", b"tmpfs", 0, 0),
        "unshare": lambda: syscall("unshare", 0x10000000),
        "setns": lambda: syscall("setns", source, 0),
        "bpf": lambda: syscall("bpf", 0, 0, 0),
        "perf_event_open": lambda: syscall("perf_event_open", bytes(128), 0, -1, -1, 0),
        "io_uring": lambda: syscall("io_uring_setup", 1, bytes(120)),
        "keyctl": lambda: syscall("keyctl", 0, -1, 0),
        "seccomp": lambda: syscall("seccomp", 1, 0, bytes(16)),
        "landlock": lambda: syscall("landlock_create_ruleset", 0, 0, 1),
        "personality": lambda: syscall("personality", 0x0040000),
        "setuid": lambda: os.setuid(os.getuid()),
        "capset": lambda: syscall("capset", struct.pack("=Ii", 0x20080522, 0), bytes(24)),
        "outlive its parent": lambda: syscall("prctl", 1, 0, 0, 0, 0),
        "hide from its parent": lambda: syscall("prctl", 4, 0, 0, 0, 0),
        "terminal": lambda: fcntl.ioctl(2, 0x5412, b"x"),
        "setsid": lambda: os.setsid(),
        "umask": lambda: os.umask(0),
        "sysinfo": lambda: syscall("sysinfo", buffer),
        "reboot": lambda: syscall("reboot", 0, 0, 0, 0),
        "init_module": lambda: syscall("init_module", buffer, 0, b""),
        "unknown call": lambda: syscall(999),
    }


def open_descriptors() -> list[int]:
    """Return the descriptors that are open here, besides standard input and output."""
    return [fd for fd in range(3, 256) if attempt(functools.partial(os.fstat, fd)) == "done"]


def start_threads(limit: int) -> int:
    """Start threads that wait, until one cannot be started; return how many there are."""
    ending = threading.Event()
    for count in range(limit):
        try:
            thread = threading.Thread(target=ending.wait, daemon=True)
            thread.start()
        except RuntimeError:
            return count
    return limit


def before(source: int, output: int, private: str, parent: int) -> dict[str, Any]:
    """Do what honest code might, before it has read a byte that an attacker could choose."""
    tried = attacks(source, output, private, parent)
    library = os.open(sys.executable, os.O_RDONLY)
    result: dict[str, Any] = {"library": os.read(library, 4) == b"\x7fELF"}
    for name in ("open", "open its parent's environment", "open to write", "stat", "access",
                 "map the source", "socket", "fork", "kill its parent"):  # fmt: skip
        result[name] = attempt(tried[name])
    return result


def rewind(source: int, output: int, private: str, parent: int) -> dict[str, Any]:
    """Read the source, and set its file position to 0 again before opening a file."""
    os.read(source, 32_768)
    os.lseek(source, 0, os.SEEK_SET)
    return {
        "open": attempt(lambda: os.open(private, os.O_RDONLY)),
        "open a library": attempt(lambda: os.open(sys.executable, os.O_RDONLY)),
    }


def all_attacks(source: int, output: int, private: str, parent: int) -> dict[str, Any]:
    """Try everything."""
    os.read(source, 1)
    found = os.fstat(source)
    result: dict[str, Any] = {
        "descriptors": open_descriptors(),
        "fstat": [found.st_mode, found.st_size, found.st_uid, found.st_mtime_ns],
        "environment": dict(os.environ),
    }
    for name, action in attacks(source, output, private, parent).items():
        result[name] = attempt(action)
    return result


def all_but_execve(source: int, output: int, private: str, parent: int) -> dict[str, Any]:
    """Try everything that does not end this program where it succeeds."""
    tried = attacks(source, output, private, parent)
    del tried["execve"]
    return {name: attempt(action) for name, action in tried.items()}


def numbers(source: int, output: int, listed: str, parent: int) -> dict[str, Any]:
    """Make the listed system calls with arguments of 0."""
    os.read(source, 1)
    return {
        number: attempt(functools.partial(syscall, number, *[0] * 6))
        for number in json.loads(listed)
    }


def threads(source: int, output: int, limit: str, parent: int) -> dict[str, Any]:
    """Start threads."""
    os.read(source, 1)
    return {"threads": start_threads(int(limit))}


def flood(source: int, output: int, private: str, parent: int) -> dict[str, Any]:
    """Keep the supervisor busy."""
    os.read(source, 1)
    for _ in range(10_000):
        attempt(lambda: syscall("uname", 0))
    return {}


def insist(source: int, output: int, name: str, parent: int) -> dict[str, Any]:
    """Make many calls that the supervisor answers and does not count as refused."""
    os.read(source, 1)
    buffer = ctypes.create_string_buffer(4096).raw
    call: Action = {
        "read": lambda: os.pread(source, 1, 0),
        "open": lambda: os.open("/proc/stat", os.O_RDONLY),
        "newfstatat": lambda: syscall("newfstatat", source, b"", buffer, AT_EMPTY_PATH),
    }[name]
    return {"answers": sorted({attempt(call) for _ in range(3000)})}


def write(source: int, output: int, position: str, parent: int) -> dict[str, Any]:
    """Write far behind the end of the output."""
    return {"write": attempt(lambda: os.pwrite(output, b"x", int(position)))}


MODES = (before, rewind, all_attacks, all_but_execve, numbers, threads, flood, insist, write)


def main() -> None:
    """Restrict this process as FFmpeg would be, and attack."""
    launcher = load("launcher")
    threading.stack_size(65_536)
    mode, source, output, argument, parent = launcher.restrict(int(sys.argv[1]), int(sys.argv[2]))
    run = {each.__name__: each for each in MODES}[mode]
    result = run(int(source), int(output), argument, int(parent))
    os.write(1, json.dumps(result).encode())
    os._exit(0)


main()
