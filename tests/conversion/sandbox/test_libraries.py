"""Test which files are opened for the dynamic loader."""

import errno
import os
import sys
from pathlib import Path

import pytest

from services.conversion.sandbox.libraries import open_library

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox exists on Linux only")
PROGRAM = os.fsencode(sys.executable)


def test_an_elf_file_opens_to_read() -> None:
    fd = open_library(PROGRAM, os.O_RDONLY | os.O_CLOEXEC)
    assert fd is not None
    try:
        assert os.read(fd, 4) == b"\x7fELF"
        assert not os.get_inheritable(fd)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.write(fd, b"x")
    finally:
        os.close(fd)


@pytest.mark.parametrize("flags", [os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_TRUNC])
def test_nothing_opens_to_write(flags: int) -> None:
    assert open_library(PROGRAM, flags) is None


def test_nothing_else_opens(tmp_path: Path) -> None:
    secret, fifo, library = tmp_path / "secret", tmp_path / "fifo", tmp_path / "relative.so"
    secret.write_text("secret")
    os.mkfifo(fifo)
    library.write_bytes(b"\x7fELF")
    link = tmp_path / "ld.so.cache"
    link.symlink_to(secret)
    for path in (secret, fifo, link, tmp_path, tmp_path / "missing"):
        assert open_library(os.fsencode(path), os.O_RDONLY) is None
    for name in (b"", b"relative.so", b"/proc/self/environ", b"/etc/passwd", b"/dev/zero"):
        assert open_library(name, os.O_RDONLY) is None


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_a_lack_of_ours_is_not_taken_for_a_missing_file(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The loader would say that the program is damaged, and with it the visitor's file."""

    def fail(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", fail)

    with pytest.raises(OSError, match=os.strerror(number)):
        open_library(PROGRAM, os.O_RDONLY)
