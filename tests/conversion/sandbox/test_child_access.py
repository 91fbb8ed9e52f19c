"""Test how the supervisor looks into a process; here into its own, which is allowed, too."""

import ctypes
import errno
import mmap
import os
import sys
from pathlib import Path

import pytest

from services.conversion.sandbox.child_access import ChildAccess, pack_stat

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox exists on Linux only")


@pytest.fixture
def child() -> ChildAccess:
    return ChildAccess(os.getpid())


def address_of(buffer: "ctypes.Array[ctypes.c_char] | mmap.mmap") -> int:
    """Return where the buffer is in memory."""
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


@pytest.mark.parametrize("text", [b"", b"/lib/libc.so.6", b"x" * 5000])
def test_a_string_is_read_up_to_its_end_or_the_longest_path(
    child: ChildAccess, text: bytes
) -> None:
    buffer = ctypes.create_string_buffer(text)
    assert child.read_string(address_of(buffer)) == text[:4096]


def test_a_string_may_end_with_the_last_mapped_page(child: ChildAccess) -> None:
    libc = ctypes.CDLL(None)
    pages = mmap.mmap(-1, 2 * mmap.PAGESIZE)
    start = address_of(pages)
    pages[mmap.PAGESIZE - 5 : mmap.PAGESIZE] = b"path\0"
    assert libc.mprotect(ctypes.c_void_p(start + mmap.PAGESIZE), mmap.PAGESIZE, 0) == 0
    assert child.read_string(start + mmap.PAGESIZE - 5) == b"path"


def test_an_address_that_is_not_mapped_is_an_error(child: ChildAccess) -> None:
    with pytest.raises(OSError, match="Bad address"):
        child.read_string(8)
    with pytest.raises(OSError, match="Bad address"):
        child.write(8, b"x")


def test_memory_is_written(child: ChildAccess) -> None:
    buffer = ctypes.create_string_buffer(b"before")
    child.write(address_of(buffer), b"after!")
    assert buffer.value == b"after!"


class RefusingLibc:
    """Refuse the calls that the seccomp profiles of some container runtimes refuse."""

    def process_vm_readv(self, *_: object) -> int:
        ctypes.set_errno(errno.EPERM)
        return -1

    process_vm_writev = process_vm_readv


def test_memory_is_reached_where_a_container_refuses_the_calls(
    child: ChildAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.conversion.sandbox.child_access._libc", RefusingLibc)
    buffer = ctypes.create_string_buffer(b"before")

    child.write(address_of(buffer), b"after\0")

    assert child.read_string(address_of(buffer)) == b"after"


def test_a_missing_descriptor_is_an_error(child: ChildAccess) -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        child.stat_descriptor(4000)


def test_threads_are_counted(child: ChildAccess) -> None:
    assert child.count_threads() == len(os.listdir("/proc/self/task"))


@pytest.mark.parametrize(("machine", "size"), [("x86_64", 144), ("aarch64", 128)])
def test_a_stat_has_the_size_of_the_machines_struct(machine: str, size: int) -> None:
    assert len(pack_stat(os.stat("/"), machine)) == size


def test_a_stat_is_the_kernels_own(tmp_path: Path) -> None:
    """Compare with what the kernel writes, byte by byte."""
    (tmp_path / "file").write_bytes(b"content")
    machine = os.uname().machine
    number = {"x86_64": 5, "aarch64": 80}[machine]
    buffer = ctypes.create_string_buffer(200)
    with (tmp_path / "file").open("rb") as file:
        assert ctypes.CDLL(None).syscall(number, file.fileno(), buffer) == 0
        packed = pack_stat(os.fstat(file.fileno()), machine)
    assert packed == buffer.raw[: len(packed)]
