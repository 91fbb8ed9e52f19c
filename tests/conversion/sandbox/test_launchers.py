"""Hand over descriptors and programs to launchers, and start launchers ahead."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from services.conversion.ffmpeg import process
from services.conversion.ffmpeg.process import FfmpegProcess
from services.conversion.sandbox import launchers, seccomp_filter
from services.conversion.sandbox import process as sandbox
from services.conversion.sandbox.launchers import Launcher, ReadyLaunchers
from services.conversion.sandbox.process import SandboxLevel
from services.conversion.tags.source_tags import READER
from tests.fault_injection import eventually

Started = Callable[[], set[int]]


@pytest.fixture
def ready(started: Started, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReadyLaunchers]:
    """Provide launchers that are started again at once after their use."""
    monkeypatch.setattr(launchers, "_START_AFTER", 0.0)
    ready = ReadyLaunchers()
    monkeypatch.setattr(launchers, "ready", ready)
    yield ready
    counts = dict(ready._counts)
    eventually(lambda: all(len(ready._ready[each]) == n for each, n in counts.items()))
    ready.keep([])
    for each, count in counts.items():
        for _ in range(count):
            ready.take(each).close()
    assert not started()


def waiting_launcher(ready: ReadyLaunchers) -> int:
    """Wait until one launcher is ready, and return its process id."""
    (launcher,) = eventually(lambda: [each for queue in ready._ready.values() for each in queue])
    return int(launcher.process.pid)


def run(command: list[str], descriptors: list[int]) -> bytes:
    """Run a program with these descriptors, and return what it printed."""
    child = sandbox.start(command, descriptors, {}, SandboxLevel.NONE)
    printed, _ = child.process.communicate(timeout=30)
    assert child.process.returncode == 0
    return printed


def test_descriptors_keep_their_numbers_in_whatever_order_they_are(tmp_path: Path) -> None:
    """Those below the launcher's own socket are in its way, and in each other's."""
    numbers = []
    for index in range(12):
        path = tmp_path / str(index)
        path.write_text(f"{index} ")
        numbers.append(os.open(path, os.O_RDONLY))
    try:
        for order in (numbers, numbers[::-1], numbers[1::2] + numbers[::2]):
            read = " ".join(f"/dev/fd/{number}" for number in numbers)
            assert run(["/bin/sh", "-c", f"cat {read}"], order).split() == [
                str(index).encode() for index in range(12)
            ]
    finally:
        for number in numbers:
            os.close(number)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_program_inherits_only_its_descriptors() -> None:
    with open(os.devnull, "rb") as source:
        number = source.fileno()
        printed = run(["/bin/sh", "-c", "ls /proc/$$/fd"], [number])

    assert {int(name) for name in printed.split()} == {0, 1, 2, number}


def test_arguments_of_any_length_and_with_any_bytes_arrive() -> None:
    arguments = ["", "ä", os.fsdecode(b"\xff"), "x" * 100_000]

    printed = run(["/bin/sh", "-c", 'printf "%s|" "$@"', "sh", *arguments], [])

    assert printed == b"".join(os.fsencode(each) + b"|" for each in arguments)


def test_a_launcher_that_waits_is_used_and_another_one_is_started(ready: ReadyLaunchers) -> None:
    ready.keep([()])
    waiting = waiting_launcher(ready)

    child = sandbox.start(["/bin/true"], [], {}, SandboxLevel.NONE)
    child.process.communicate(timeout=30)

    assert child.process.pid == waiting
    assert eventually(lambda: len(ready._ready[()]) == 1)


def test_the_reader_of_tags_is_imported_ahead(ready: ReadyLaunchers) -> None:
    sandbox.keep_ready(0, READER)
    waiting = waiting_launcher(ready)

    child = sandbox.start(sandbox.module_command(READER, "x"), [], {}, SandboxLevel.NONE)
    child.process.communicate(timeout=30)

    assert child.process.pid == waiting


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_launcher_that_has_died_is_not_used(ready: ReadyLaunchers) -> None:
    ready.keep([()])
    waiting = waiting_launcher(ready)
    os.kill(waiting, signal.SIGKILL)
    eventually(
        lambda: Path(f"/proc/{waiting}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    )

    assert run(["/bin/echo", "done"], []) == b"done\n"


@pytest.mark.parametrize("level", [SandboxLevel.NONE, SandboxLevel.SUPERVISED])
def test_a_launcher_that_dies_as_it_is_used_is_replaced(
    ready: ReadyLaunchers, started: Started, monkeypatch: pytest.MonkeyPatch, level: SandboxLevel
) -> None:
    if level is SandboxLevel.SUPERVISED and sandbox.best_sandbox_level() is not level:
        pytest.skip("the system has no such sandbox")
    ready.keep([()])
    waiting = waiting_launcher(ready)
    send = Launcher.send

    def send_to_the_dead(self: Launcher, *request: Any) -> None:
        if self.process.pid == waiting:
            self.process.kill()
            self.process.wait()
        send(self, *request)

    monkeypatch.setattr(Launcher, "send", send_to_the_dead)
    child = sandbox.start([], [], {}, level)
    child.kill()
    launchers.close_pipes(child.process)
    if child.listener is not None:
        os.close(child.listener)

    assert child.process.pid != waiting


def test_a_launcher_that_cannot_start_its_program_says_why(started: Started) -> None:
    with pytest.raises(OSError, match="no_such_module"):
        sandbox.start(["-m", "/nowhere", "no_such_module"], [], {}, SandboxLevel.SUPERVISED)

    assert not started()


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")
def test_only_what_the_kernel_refuses_makes_the_sandbox_weaker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sandbox.best_sandbox_level.cache_clear()
    with monkeypatch.context() as broken:
        broken.setattr(launchers, "_SCRIPT", Path("/nowhere"))
        with pytest.raises(OSError, match="did not start"):
            sandbox.best_sandbox_level()
    with monkeypatch.context() as broken:
        broken.setattr(seccomp_filter, "assemble", lambda *_, **__: b"no filter")
        assert sandbox.best_sandbox_level() is SandboxLevel.NONE
    sandbox.best_sandbox_level.cache_clear()
    assert sandbox.best_sandbox_level() is SandboxLevel.SUPERVISED


def test_a_process_without_its_supervisor_leaves_nothing_behind(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start_no_thread(*_: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(process, "SandboxSupervisor", start_no_thread)
    with open(os.devnull, "rb") as source, pytest.raises(RuntimeError):
        FfmpegProcess(["/bin/true"], [source.fileno()], {}, 10, 10).run(lambda _: True)

    assert not started()


def test_a_launcher_whose_parent_dies_within_a_request_ends() -> None:
    launcher = launchers.launch(())
    try:
        launcher.channel.sendall((100).to_bytes(4, sys.byteorder) + b"3")
        launcher.channel.close()

        assert launcher.process.wait(30) != 0
    finally:
        launcher.close()


def test_launchers_outlive_the_thread_that_asked_for_them(ready: ReadyLaunchers) -> None:
    """The kernel kills a process with the thread that started it."""
    thread = threading.Thread(target=ready.keep, args=([()],))
    thread.start()
    thread.join()

    waiting = waiting_launcher(ready)

    assert run(["/bin/sh", "-c", "echo $$"], []) == f"{waiting}\n".encode()


def test_an_argument_with_a_nul_is_refused(started: Started) -> None:
    with pytest.raises(ValueError, match="NUL"):
        sandbox.start(["/bin/echo", "a\0b"], [], {}, SandboxLevel.NONE)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_launcher_that_waits_holds_nothing_of_this_process(ready: ReadyLaunchers) -> None:
    ready.keep([()])
    waiting = waiting_launcher(ready)

    assert Path(f"/proc/{waiting}/environ").read_bytes() == b""
    folder = Path(f"/proc/{waiting}/fd")

    def links() -> set[str]:
        return {os.readlink(path).split(":")[0] for path in folder.iterdir()}

    # While it starts, it has its script open, too.
    assert eventually(lambda: links() == {"/dev/null", "pipe", "socket"})


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_launchers_that_wait_die_with_their_parent() -> None:
    program = f"""
import sys, time
sys.path[:0] = {sys.path!r}
from services.conversion.sandbox import launchers
launchers.ready.keep([(), ()])
while len(launchers.ready._ready.get((), ())) < 2:
    time.sleep(0.01)
print(*[each.process.pid for each in launchers.ready._ready[()]], flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout
    waiting = [Path(f"/proc/{pid.decode()}") for pid in parent.stdout.readline().split()]
    assert len(waiting) == 2
    assert all(folder.exists() for folder in waiting)

    parent.kill()
    parent.communicate()

    assert eventually(lambda: not any(folder.exists() for folder in waiting))
