"""Run the attacker in the sandbox, in a worker process of its own with a secret environment.

Run as `python attack.py MODE LEVEL PRIVATE`: prints the outcome as JSON. It imports only what needs
no third-party package, so that any Python can run it, as any user.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT)]

from services.conversion.pipeline.limits import Limits  # noqa: E402
from services.conversion.sandbox import launchers, processor_budget  # noqa: E402
from services.conversion.sandbox import process as sandbox  # noqa: E402
from services.conversion.sandbox import supervisor as supervisors  # noqa: E402
from services.conversion.sandbox.process import SandboxLevel  # noqa: E402
from services.conversion.sandbox.processor_budget import SharedBudget  # noqa: E402
from services.conversion.storage import memory_file  # noqa: E402

CONTENT = b"the first bytes of a stranger's file" * 1000
OTHER_UID = 10001
"""The user that the images run as."""


@dataclass
class Outcome:
    """Hold what an attack achieved."""

    result: dict[str, Any]
    refused: list[str]
    exit_code: int
    source: int
    """The descriptor of the source, as the attacker has it."""
    output: int
    stat: list[int]
    """What the worker's own fstat says of the source: mode, size, owner, time."""
    output_blocks: int
    stderr: str = ""
    priority: int = 0
    affinity: list[int] = field(default_factory=list)
    worker_share: float = 0.0
    """Processor time of the worker, as a share of the time that the attack took."""


def attack(mode: str, level: SandboxLevel, private: str) -> Outcome:
    """Run the attacker in this process's sandbox."""
    launchers._SCRIPT = Path(__file__).with_name("attacker.py")
    content = memory_file.create_with_content("source", CONTENT)
    source = memory_file.reopen(content, os.O_RDONLY)
    output = memory_file.create("output")
    command = [mode, str(source), str(output), private, str(os.getpid())]
    rlimits = Limits().rlimits(30, 1 << 30)
    child = sandbox.start(command, [source, output], rlimits, level)
    supervisor = None
    began, used = time.monotonic(), time.process_time()
    if child.listener is not None:
        supervisor = supervisors.SandboxSupervisor(
            child.process.pid, child.listener, source, lambda _position, _count: True
        )
    try:
        stdout, stderr = child.process.communicate(timeout=60)
    finally:
        share = (time.process_time() - used) / (time.monotonic() - began)
        child.kill()
        if supervisor is not None:
            supervisor.close()
    found = os.fstat(source)
    return Outcome(
        json.loads(stdout or b"{}"),
        list(supervisor.refused) if supervisor else [],
        child.process.returncode,
        source,
        output,
        [found.st_mode, found.st_size, found.st_uid, found.st_mtime_ns],
        os.fstat(output).st_blocks,
        stderr.decode(errors="replace"),
        os.getpriority(os.PRIO_PROCESS, 0),
        sorted(os.sched_getaffinity(0)),
        share,
    )


def attack_as(uid: int | None, mode: str, level: SandboxLevel, private: str) -> Outcome:
    """Run the attacker in the sandbox of a worker that runs as `uid`; None: as this user."""
    command = [python_for(uid), str(Path(__file__)), mode, level.value, private]
    environment = {"AWS_SECRET_ACCESS_KEY": "secret", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command,
        capture_output=True,
        timeout=120,
        env=environment,
        user=uid,
        group=uid,
        extra_groups=None if uid is None else (),
    )
    assert done.returncode == 0, done.stderr.decode()
    return Outcome(**json.loads(done.stdout))


def python_for(uid: int | None) -> str:
    """Return a Python that this user can run; raise LookupError if there is none."""
    if uid is None:
        return sys.executable
    for program in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        check = f"import sys; assert sys.version_info >= (3, 11); open({str(Path(__file__))!r})"
        try:
            subprocess.run(
                [program, "-c", check],
                check=True, capture_output=True, user=uid, group=uid, extra_groups=(),
            )  # fmt: skip
        except (OSError, subprocess.CalledProcessError):
            continue
        return program
    raise LookupError(f"user {uid} can run no Python here, or cannot read this repository")


if __name__ == "__main__":
    # The attacker makes more refused calls than an operator wants to read.
    supervisors._MAX_NAMES = 10_000
    if sys.argv[1] == "numbers":
        supervisors._MAX_REFUSALS = 10_000
    if sys.argv[1] == "insist":
        processor_budget.SHARED = SharedBudget(0.0, 0.0)
        processor_budget._SAVED_AT_START = 0.0
    print(json.dumps(vars(attack(sys.argv[1], SandboxLevel(sys.argv[2]), sys.argv[3]))))
