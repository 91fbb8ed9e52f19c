"""Take out each protection in turn, and demand that its test fails: `make test-protections`.

The protections are in protections.toml, at least one for each fault of docs/faults.md. They are
taken out of a copy of the repository, never of the repository itself. First the tests run in the
copy as it is, and must pass.

    python -m tests.faults.protections [FAULT…]
"""

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.emulator import virtual_environment
from deploy.local.processes import ROOT

TABLE = Path(__file__).with_name("protections.toml")

SHARED = (".venv", "frontend/node_modules", "frontend/dist")
"""Folders that git ignores; the copy uses those of the repository."""

FAILED = 1
"""Exit status of pytest if a test failed, or could not be prepared."""

PATIENCE = 120
"""Seconds for one test; without its protection it may hang."""

_seconds = itertools.count(int(time.time()) + 3600)


@dataclass(frozen=True)
class Protection:
    """Describe how to take a protection out, and the test that notices it."""

    fault: int
    removes: str
    file: str
    before: str
    after: str
    test: str


def load() -> list[Protection]:
    """Read the table."""
    return [Protection(**each) for each in tomllib.loads(TABLE.read_text("utf-8"))["protection"]]


@contextmanager
def copy_of_the_repository() -> Iterator[Path]:
    """Copy what git tracks, or would if it were added, into a temporary folder."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    with tempfile.TemporaryDirectory(prefix="tinypixo-protections-") as folder:
        copy = Path(folder)
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file() and name not in SHARED:
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                (copy / name).write_bytes((ROOT / name).read_bytes())
                (copy / name).chmod((ROOT / name).stat().st_mode)
        for name in SHARED:
            (copy / name).symlink_to((ROOT / name).resolve())
        yield copy


@contextmanager
def taken_out(copy: Path, protection: Protection) -> Iterator[None]:
    """Take a protection out of the copy until the `with` ends."""
    path = copy / protection.file
    original = path.read_text("utf-8")
    assert original.count(protection.before) == 1, protection
    _write(path, original.replace(protection.before, protection.after))
    try:
        yield
    finally:
        _write(path, original)


def _write(path: Path, text: str) -> None:
    """Write a file with a time of its own, by which Python sees that its bytecode is old."""
    path.write_text(text, "utf-8")
    later = next(_seconds)
    os.utime(path, (later, later))


def run_tests(copy: Path, tests: Sequence[str]) -> tuple[int, str]:
    """Run tests in the copy up to the first that fails; return pytest's status and output."""
    done = subprocess.run(
        [
            str(copy / ".venv/bin/python"),
            *("-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"),
            *("-m", "not localstack and not aws and not browser"),
            *("--timeout", str(PATIENCE), "--basetemp", str(copy / "tmp")),
            *tests,
        ],
        cwd=copy,
        env={**os.environ, "TINYPIXO_EMULATOR_VENV": str(virtual_environment.default_venv())},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def last_failure(output: str) -> str:
    """Return why a test failed, in pytest's own words."""
    reasons = [line for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return reasons[-1] if reasons else output[-1000:]


def main() -> int:
    """Take out all protections, or those of some faults; return 1 if a test does not notice."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("faults", type=int, nargs="*")
    faults = parser.parse_args().faults
    chosen = [each for each in load() if not faults or each.fault in faults]
    unnoticed: list[Protection] = []
    with copy_of_the_repository() as copy:
        status, output = run_tests(copy, sorted({each.test for each in chosen}))
        if status:
            print(f"With all protections, the tests must pass:\n{output}")
            return 1
        for protection in chosen:
            began = time.monotonic()
            with taken_out(copy, protection):
                status, output = run_tests(copy, [protection.test])
            is_noticed = status == FAILED and last_failure(output).startswith("FAILED")
            verdict = "noticed" if is_noticed else "NOT NOTICED"
            if not is_noticed:
                unnoticed.append(protection)
            print(
                f"fault {protection.fault}: without {protection.removes}: {verdict}"
                f" ({time.monotonic() - began:.1f} s)\n    {last_failure(output)[:200]}",
                flush=True,
            )
    print(f"{len(chosen) - len(unnoticed)} of {len(chosen)} were noticed.")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
