"""Assemble the seccomp filter of a sandboxed FFmpeg, as a classic BPF program.

The filter knows three groups of system calls:

- *Refused*: what an audio converter never needs (network, other processes, mounts, files).
- *Notified*: `read`, `open` and `execve` stop the process until its supervisor has answered
  (seccomp user notification, Linux 5.5).
- *Allowed*: the rest.

No privilege is needed. The numbers are those of the kernel's tables, see syscalls(2); seccomp(2)
describes the program.
"""

import platform
import struct

_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""AUDIT_ARCH of each machine, and its column in the tables below."""

NOTIFIED = {
    "read": (0, 63),
    "pread64": (17, 67),
    "open": (2, None),
    "openat": (257, 56),
    "openat2": (437, 437),
    "execve": (59, 221),
    "execveat": (322, 281),
}

REFUSED = {
    # the network
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200),
    "listen": (50, 201), "accept": (43, 202), "accept4": (288, 242), "sendto": (44, 206),
    # other processes
    "fork": (57, None), "vfork": (58, None), "kill": (62, 129), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "process_madvise": (440, 440),
    "kcmp": (312, 272), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    # the file tree
    "creat": (85, None), "truncate": (76, 45), "rename": (82, None), "renameat": (264, 38),
    "renameat2": (316, 276), "mkdir": (83, None), "mkdirat": (258, 34), "rmdir": (84, None),
    "link": (86, None), "linkat": (265, 37), "unlink": (87, None), "unlinkat": (263, 35),
    "symlink": (88, None), "symlinkat": (266, 36), "mknod": (133, None), "mknodat": (259, 33),
    "chmod": (90, None), "fchmodat": (268, 53), "chown": (92, None), "lchown": (94, None),
    "fchownat": (260, 54), "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264),
    "chroot": (161, 51), "chdir": (80, 49), "memfd_create": (319, 279), "mount": (165, 40),
    "umount2": (166, 39), "pivot_root": (155, 41), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsmount": (432, 432),
    "mount_setattr": (442, 442), "swapon": (167, 224), "swapoff": (168, 225),
    # ways to more power, and large kernel surfaces
    "unshare": (272, 97), "setns": (308, 268), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "io_setup": (206, 0), "keyctl": (250, 219),
    "add_key": (248, 217), "request_key": (249, 218), "init_module": (175, 105),
    "finit_module": (313, 273), "kexec_load": (246, 104), "reboot": (169, 142),
    "setuid": (105, 146), "setgid": (106, 144), "setresuid": (117, 147), "setresgid": (119, 149),
    "setgroups": (116, 159), "capset": (126, 91), "setrlimit": (160, 164),
    "personality": (135, 92), "readv": (19, 65), "preadv": (295, 69), "preadv2": (327, 286),
}  # fmt: skip

_CLONE = (56, 220)
_CLONE3 = (435, 435)
_PRLIMIT64 = (302, 261)
_CLONE_THREAD = 0x10000
_EPERM, _ENOSYS = 1, 38
_ALLOW, _ERRNO, _NOTIFY, _KILL = 0x7FFF0000, 0x00050000, 0x7FC00000, 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _ARG0, _ARG2 = 0, 4, 16, 32
_FIRST_FOREIGN_NUMBER = 0x40000000
"""The x32 numbers of x86-64 begin here."""


def number_of(name: str) -> int | None:
    """Return the number of a system call of NOTIFIED on this machine."""
    return NOTIFIED[name][_column()]


def program(*, notify: bool) -> bytes:
    """Return the filter as an array of struct sock_filter.

    Without `notify`, the calls of NOTIFIED are allowed. Raises NotImplementedError on a machine
    that is neither x86-64 nor 64-bit ARM.
    """
    column = _column()
    instructions = [
        _instruction(_LOAD, _ARCH),
        _instruction(_EQUAL, _ARCHITECTURES[platform.machine()][0], 1, 0),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _NUMBER),
        _instruction(_AT_LEAST, _FIRST_FOREIGN_NUMBER, 0, 1),
        _instruction(_RETURN, _KILL),
    ]
    actions = [(numbers[column], _ERRNO | _EPERM) for numbers in REFUSED.values()]
    actions += [(numbers[column], _NOTIFY if notify else _ALLOW) for numbers in NOTIFIED.values()]
    # clone3 passes its flags in memory, where no filter can see them. The C library then uses
    # clone.
    actions.append((_CLONE3[column], _ERRNO | _ENOSYS))
    for number, action in actions:
        if number is not None:
            instructions += [_instruction(_EQUAL, number, 0, 1), _instruction(_RETURN, action)]
    # Threads may be created, processes may not. Limits may be read, not set.
    instructions += [
        _instruction(_EQUAL, _CLONE[column], 0, 4),
        _instruction(_LOAD, _ARG0),
        _instruction(_BITS, _CLONE_THREAD, 1, 0),
    ]
    instructions += [_instruction(_RETURN, _ERRNO | _EPERM), _instruction(_RETURN, _ALLOW)]
    instructions += [
        _instruction(_EQUAL, _PRLIMIT64[column], 0, 6),
        _instruction(_LOAD, _ARG2),
        _instruction(_EQUAL, 0, 1, 0),
        _instruction(_RETURN, _ERRNO | _EPERM),
    ]
    instructions += [
        _instruction(_LOAD, _ARG2 + 4),
        _instruction(_EQUAL, 0, 1, 0),
        _instruction(_RETURN, _ERRNO | _EPERM),
    ]
    return b"".join([*instructions, _instruction(_RETURN, _ALLOW)])


def _column() -> int:
    try:
        return _ARCHITECTURES[platform.machine()][1]
    except KeyError:
        raise NotImplementedError(f"no syscall table for {platform.machine()}") from None


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
