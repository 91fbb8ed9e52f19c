"""Fuzz each parser for a time: `make fuzz`, or `python -m tests.fuzz TARGET… --minutes 10`.

With atheris installed (`pip install atheris`), new inputs are guided by the code that they reach;
without, seeds are mutated at random. An input that fails is written to `tests/fuzz/seeds`.
"""

import argparse
import hashlib
import importlib.util
import random
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.targets import SEEDS, TARGETS, check, seeds

MAX_BYTES = 65_536


def mutate(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Change a few places, or join two inputs."""
    changed = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 4, 16])):
        at = chance.randrange(len(changed) + 1)
        count = chance.choice([1, 2, 4, 8, 64])
        other = chance.choice(others)
        piece = other[chance.randrange(len(other) + 1) :][:count]
        match chance.randrange(6):
            case 0:
                changed[at : at + count] = chance.randbytes(count)
            case 1:
                del changed[at : at + count]
            case 2:
                changed[at:at] = piece
            case 3:
                changed[at : at + count] = piece
            case 4:
                changed[at : at + count] = (
                    bytes([chance.choice(b"\0\1\x7f\x80\xff\\=\n[0")]) * count
                )
            case _:
                changed[at:at] = changed[at : at + count] * chance.choice([2, 100])
    return bytes(changed[:MAX_BYTES])


def fuzz(name: str, seconds: float, seed: int) -> int:
    """Mutate seeds for a time; return how many inputs were tried."""
    chance, known = random.Random(seed), seeds(name)
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        data = mutate(chance.choice(known), known, chance)
        count += 1
        try:
            check(name, data)
        except Exception:
            path = SEEDS / name / f"found-{hashlib.sha256(data).hexdigest()[:12]}"
            path.write_bytes(data)
            print(f"{name}: failed, see {path.relative_to(Path.cwd())}", file=sys.stderr)
            raise
    return count


def fuzz_guided(name: str, seconds: float) -> None:
    """Run atheris in a process of its own, which ends that process."""
    import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore]

    atheris.instrument_all()
    options = [f"-max_total_time={seconds:.0f}", f"-max_len={MAX_BYTES}", "-timeout=5"]
    options += ["-rss_limit_mb=1024", f"-artifact_prefix={SEEDS / name}/found-", "-verbosity=0"]
    corpus = Path("/tmp") / f"tinypixo-fuzz-{name}"
    corpus.mkdir(exist_ok=True)
    atheris.Setup(
        [sys.argv[0], *options, "-print_final_stats=1", str(corpus), str(SEEDS / name)],
        lambda data: check(name, data),
    )
    atheris.Fuzz()


def main() -> int:
    """Fuzz the given targets, one after the other; return 1 if one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", default=list(TARGETS))
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--guided", action="store_true", help="use atheris in this process")
    options = parser.parse_args()
    if options.guided:
        fuzz_guided(options.targets[0], options.minutes * 60)
        return 0
    failed = []
    for name in options.targets:
        if importlib.util.find_spec("atheris"):
            command = [sys.executable, "-m", "tests.fuzz", "--guided", name]
            done = subprocess.run([*command, "--minutes", str(options.minutes)], check=False)
            failed += [name] if done.returncode else []
        else:
            print(f"{name}: seed {options.seed}", flush=True)
            print(f"{name}: {fuzz(name, options.minutes * 60, options.seed):,} inputs", flush=True)
    print("Failed: " + ", ".join(failed) if failed else "Nothing was found.")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
