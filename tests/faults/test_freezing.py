"""Test that processes which a test has frozen end with the test, also when it is killed."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from deploy.local.processes import ROOT
from tests.faults.app_runner import FreezableProcess
from tests.faults.freezing import frozen
from tests.faults.workers import Child, eventually

SLEEPER = [sys.executable, "-c", "import time; print('began', flush=True); time.sleep(600)"]

BY_GUARD = """
import subprocess, time
from deploy.local.processes import terminate_with_parent
from tests.faults.freezing import frozen
process = subprocess.Popen({sleeper}, preexec_fn=terminate_with_parent, stdout=subprocess.PIPE)
process.stdout.readline()
with frozen(process.pid):
    print(process.pid, flush=True)
    time.sleep(600)
"""
BY_KERNEL = """
import sys, time
from pathlib import Path
from tests.faults.app_runner import FreezableProcess
process = FreezableProcess({sleeper}, {{}}, Path({log!r}))
process.freeze()
print(process.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("script", [BY_GUARD, BY_KERNEL], ids=["guard", "kernel"])
def test_a_frozen_process_ends_when_the_tests_are_killed(tmp_path: Path, script: str) -> None:
    text = script.format(sleeper=SLEEPER, log=str(tmp_path / "log"))
    with subprocess.Popen(
        [sys.executable, "-c", text], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as tests:
        assert tests.stdout
        process = Child(int(tests.stdout.readline()))
        eventually(lambda: state(process) == "T", 10, "it is frozen")
        tests.kill()

    eventually(lambda: not process.alive(), 10, "it has ended")


def test_a_process_is_thawed_at_the_end_of_the_block() -> None:
    with subprocess.Popen(SLEEPER, stdout=subprocess.PIPE) as process:
        child = Child(process.pid)
        with frozen(process.pid):
            eventually(lambda: state(child) == "T", 10, "it is frozen")
        assert state(child) != "T"
        process.kill()


SLOW_TO_END = """
import signal, sys, time
def end(*_):
    print('ending', flush=True)
    time.sleep(0.5)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print('began', flush=True)
time.sleep(600)
"""


def test_a_process_that_ends_is_not_frozen_by_its_last_request(tmp_path: Path) -> None:
    """The request and the replacement are in threads of their own."""
    log = tmp_path / "log"
    process = FreezableProcess([sys.executable, "-c", SLOW_TO_END], {}, log)
    eventually(lambda: "began" in log.read_text(), 10, "it runs")
    process.begin_request()
    ending = threading.Thread(target=process.end, kwargs={"gently": True})

    ending.start()
    eventually(lambda: "ending" in log.read_text(), 10, "it got SIGTERM")
    process.end_request()
    ending.join(30)

    assert process.status == 0  # SIGKILL would be -9
    for late in (process.begin_request, process.end_request, process.freeze):
        late()  # nothing is sent to a process that has ended


def state(process: Child) -> str:
    """Return the letter of its state in /proc; T is frozen."""
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]
