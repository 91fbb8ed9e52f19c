"""Test that a process gives back the memory of buffers that it has freed."""

import platform
import subprocess
import sys

import pytest

from deploy.local.processes import ROOT

MIB = 1024 * 1024
PROGRAM = f"""
import gc
from pathlib import Path
from libs.core.memory import return_freed_buffers

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

return_freed_buffers()
buffer = bytearray(b"x") * (16 * {MIB})
del buffer
parts, kept = [], []
for _ in range(20):
    parts.append(bytearray(b"x") * (5 * {MIB}))
    kept.append(bytearray(b"x") * 100_000)
before = resident()
parts.clear()
gc.collect()
print(before - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has the threshold")
def test_freed_parts_leave_no_holes_in_the_process() -> None:
    command = [sys.executable, "-c", PROGRAM]
    freed = int(subprocess.run(command, check=True, capture_output=True, cwd=ROOT).stdout)
    assert freed >= 99 * MIB
