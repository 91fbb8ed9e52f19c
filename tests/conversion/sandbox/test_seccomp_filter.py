"""Test the filter's program by interpreting it, also for machines that this one is not."""

import errno
import mmap
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.conversion.sandbox import launcher, seccomp_filter
from services.conversion.sandbox.syscall_table import names_by_number, numbers_by_name
from tests.conversion.sandbox.bpf_interpreter import (
    ALLOW,
    ERRNO,
    KILL_PROCESS,
    NOTIFY,
    run,
)

MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
I386, ARM = 0x40000003, 0x40000028
EPERM = ERRNO | errno.EPERM
CHANNEL = 7
PTHREAD = 0x3D0F00
NEEDED = [
    "futex",
    "write",
    "lseek",
    "fstat",
    "close",
    "munmap",
    "madvise",
    "brk",
    "mremap",
    "rt_sigprocmask",
    "rt_sigaction",
    "exit",
    "set_robust_list",
    "rseq",
    "exit_group",
    "getrandom",
    "clock_nanosleep",
    "getrusage",
    "dup",
    "sigaltstack",
]
"""What FFmpeg calls while it converts, see decision 10."""
READ_WRITE, READ_EXECUTE = mmap.PROT_READ | mmap.PROT_WRITE, mmap.PROT_READ | mmap.PROT_EXEC


def filter_action(machine: str, name: str, *arguments: int, supervised: bool = True) -> int:
    """Return the action for a system call."""
    program = seccomp_filter.assemble(machine, supervised=supervised, channel=CHANNEL)
    return run(program, numbers_by_name(machine)[name], MACHINES[machine], arguments)


@pytest.fixture(params=MACHINES)
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("name", NEEDED)
def test_what_ffmpeg_needs_is_allowed(machine: str, name: str) -> None:
    for supervised in (True, False):
        assert filter_action(machine, name, supervised=supervised) == ALLOW


def test_everything_else_is_notified_or_refused(machine: str) -> None:
    """Without a supervisor a few calls are allowed that open files to read."""
    known = {*seccomp_filter.ALLOWED, *seccomp_filter.CHECKED, *seccomp_filter.ANSWERED}
    for name in names_by_number(machine).values():
        if name in known or name == "clone":
            continue
        assert filter_action(machine, name) == NOTIFY, name
        if name not in seccomp_filter.UNSUPERVISED:
            assert filter_action(machine, name, supervised=False) == EPERM, name


@pytest.mark.parametrize(
    ("name", "arguments", "is_allowed"),
    [
        ("mmap", (0, 4096, READ_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), True),
        ("mmap", (0, 4096, 0, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), True),
        ("mmap", (0, 4096, READ_EXECUTE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), False),
        ("mmap", (0, 4096, mmap.PROT_READ, mmap.MAP_PRIVATE, 3), False),
        ("mprotect", (0, 4096, mmap.PROT_READ), True),
        ("mprotect", (0, 4096, READ_WRITE), True),
        ("mprotect", (0, 4096, READ_EXECUTE), False),
        ("mprotect", (0, 4096, READ_EXECUTE | 1 << 40), False),
        ("fcntl", (3, 1030, 0), True),  # F_DUPFD_CLOEXEC
        ("fcntl", (3, 2, 1), True),  # F_SETFD
        ("fcntl", (3, 8, 1), False),  # F_SETOWN
        ("fcntl", (3, 10, 9), False),  # F_SETSIG
        ("fcntl", (3, 4, 0o20000), False),  # F_SETFL
        ("fcntl", (3, 1033, 1), False),  # F_ADD_SEALS
        ("fcntl", (3, 1 << 32 | 8, 1), False),
        ("prctl", (15, 1), True),  # PR_SET_NAME
        ("prctl", (1, 0), False),  # PR_SET_PDEATHSIG
        ("prctl", (4, 1), False),  # PR_SET_DUMPABLE
        ("prctl", (22, 2, 1), False),  # PR_SET_SECCOMP
        ("sched_getaffinity", (0, 128, 1), True),
        ("sched_getaffinity", (1, 128, 1), False),
        ("prlimit64", (0, 3, 0, 1), True),
        ("prlimit64", (0, 3, 1 << 32, 0), False),
        ("prlimit64", (0, 3, 4096, 0), False),
        ("prlimit64", (1, 3, 0, 1), False),
        ("sendmsg", (CHANNEL, 1, 0), True),
        ("sendmsg", (1, 1, 0), False),
    ],
)
def test_arguments_are_checked(
    machine: str, name: str, arguments: tuple[int, ...], is_allowed: bool
) -> None:
    assert filter_action(machine, name, *arguments) == (ALLOW if is_allowed else NOTIFY)


@pytest.mark.parametrize(
    ("flags", "is_thread"),
    [
        (PTHREAD, True),
        (PTHREAD | 0x400000, True),  # CLONE_DETACHED, which musl sets
        (17, False),  # SIGCHLD: a process
        (PTHREAD & ~0x10000, False),  # without CLONE_THREAD
        (PTHREAD & ~0x100, False),  # without CLONE_VM
        (PTHREAD | 0x10000000, False),  # CLONE_NEWUSER
        (PTHREAD | 0x800000, False),  # CLONE_UNTRACED
    ],
)
def test_only_threads_can_be_created(machine: str, flags: int, is_thread: bool) -> None:
    assert filter_action(machine, "clone", flags) == (NOTIFY if is_thread else EPERM)
    assert filter_action(machine, "clone", flags, supervised=False) == (
        ALLOW if is_thread else EPERM
    )


def test_calls_with_an_expected_error_need_no_supervisor(machine: str) -> None:
    assert filter_action(machine, "clone3") == ERRNO | errno.ENOSYS
    assert filter_action(machine, "ioctl", 2, 0x5401) == ERRNO | errno.ENOTTY


@pytest.mark.parametrize(("flags", "is_allowed"), [
    (0o2000000, True), (0, True), (1, False), (2, False), (0o100, False), (0o1000, False),
    (0o20200002, False),
])  # fmt: skip
def test_without_a_supervisor_files_open_only_to_read(
    machine: str, flags: int, is_allowed: bool
) -> None:
    expected = ALLOW if is_allowed else EPERM
    assert filter_action(machine, "openat", -100, 1, flags, supervised=False) == expected


def test_calls_of_another_architecture_kill_the_process(machine: str) -> None:
    program = seccomp_filter.assemble(machine, supervised=True)
    for arch in {*MACHINES.values(), I386, ARM} - {MACHINES[machine]}:
        for number in (0, 1, 63, 64, 400):
            assert run(program, number, arch) == KILL_PROCESS


def test_calls_of_the_x32_interface_kill_the_process() -> None:
    program = seccomp_filter.assemble("x86_64", supervised=True)
    for number in (0, 1, 512, 0x3FFFFFFF):
        assert run(program, 0x40000000 | number, MACHINES["x86_64"]) == KILL_PROCESS
    assert run(program, -1 & 0xFFFFFFFF, MACHINES["x86_64"]) == KILL_PROCESS


@given(
    machine=st.sampled_from(sorted(MACHINES)),
    number=st.integers(0, 2**32 - 1) | st.integers(0, 500),
    arguments=st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 2000), max_size=6),
    supervised=st.booleans(),
)
def test_the_program_always_ends_with_an_action(
    machine: str, number: int, arguments: list[int], supervised: bool
) -> None:
    program = seccomp_filter.assemble(machine, supervised=supervised, channel=CHANNEL)
    action = run(program, number, MACHINES[machine], arguments)
    assert action in (ALLOW, NOTIFY, KILL_PROCESS) or action & ~0xFFFF == ERRNO
    if not supervised:
        assert action != NOTIFY


def test_an_unknown_machine_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="riscv64"):
        seccomp_filter.assemble("riscv64", supervised=True)


def test_the_launcher_knows_the_numbers_of_its_calls(machine: str) -> None:
    """It imports nothing, so it has them twice."""
    assert launcher._SECCOMP[machine] == numbers_by_name(machine)["seccomp"]
    assert launcher._CAPSET[machine] == numbers_by_name(machine)["capset"]


def test_a_program_is_an_array_of_sock_filter(machine: str) -> None:
    program = seccomp_filter.assemble(machine, supervised=True)
    assert len(program) % struct.calcsize("HBBI") == 0
    assert len(program) // 8 < 200
