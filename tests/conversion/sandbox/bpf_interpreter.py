"""Interpret classic BPF programs of seccomp, so that filters of other machines can be tested.

It knows the instructions that our filters use, see linux/filter.h, and fails on any other.
"""

import struct
from collections.abc import Sequence

ALLOW, ERRNO, NOTIFY, KILL_PROCESS, KILL_THREAD = (
    0x7FFF0000, 0x00050000, 0x7FC00000, 0x80000000, 0x00000000,
)  # fmt: skip
_LOAD, _AND, _JUMP_EQUAL, _JUMP_AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_DATA = struct.Struct("<iIQ6Q")
_MAX_INSTRUCTIONS = 4096


def run(program: bytes, number: int, arch: int, arguments: Sequence[int] = ()) -> int:
    """Return the action of the filter for a system call, as SECCOMP_RET_… of linux/seccomp.h."""
    instructions = list(struct.iter_unpack("=HBBI", program))
    assert len(instructions) <= _MAX_INSTRUCTIONS
    padded = [*arguments, *[0] * 6][:6]
    data = _DATA.pack(number - (1 << 32) * (number >> 31), arch, 0, *(a % 2**64 for a in padded))
    accumulator = at = 0
    while True:
        # Jumps lead forward only, so this ends.
        code, if_true, if_false, value = instructions[at]
        at += 1
        if code == _LOAD:
            assert value % 4 == 0
            (accumulator,) = struct.unpack_from("<I", data, value)
        elif code == _AND:
            accumulator &= value
        elif code == _JUMP_EQUAL:
            at += if_true if accumulator == value else if_false
        elif code == _JUMP_AT_LEAST:
            at += if_true if accumulator >= value else if_false
        else:
            assert code == _RETURN, f"unknown instruction {code:#x}"
            return int(value)
