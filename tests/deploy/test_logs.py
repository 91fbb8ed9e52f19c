"""Test that the logs of `make run` stay small while processes write to them."""

import subprocess
import sys
from pathlib import Path

from deploy.local.logs import open_log, previous, rotate

PROGRAM = """
import sys
for line in sys.stdin:
    print(line.strip() * 100, flush=True)
    print("done", file=sys.stderr, flush=True)
"""


class Writer:
    """Run a process that writes a hundred letters to its log when it is told one."""

    def __init__(self, log: Path) -> None:
        with open_log(log) as output:
            self._process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
            )

    def write(self, letter: str) -> None:
        assert self._process.stdin
        assert self._process.stderr
        self._process.stdin.write(f"{letter}\n")
        self._process.stdin.flush()
        assert self._process.stderr.readline() == "done\n"

    def close(self) -> None:
        self._process.communicate()


def test_large_log_is_moved_away_while_its_process_writes(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "service.log"
    writer = Writer(log)
    for letter in "abcdef":
        writer.write(letter)
        rotate(log, max_bytes=150)
    writer.close()

    assert log.read_bytes() == b""
    assert previous(log).read_text() == "e" * 100 + "\n" + "f" * 100 + "\n"


def test_small_log_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    log.write_text("one line\n")

    rotate(log, max_bytes=150)

    assert log.read_text() == "one line\n"
    assert not previous(log).exists()


def test_missing_log_is_ignored(tmp_path: Path) -> None:
    rotate(tmp_path / "service.log")
