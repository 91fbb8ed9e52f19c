"""Measure what the sandbox costs: `python -m tests.bench.sandbox`.

Each pair is converted by the engine in turn with the whole sandbox and with none, from and to
memory. The first of each pair of rounds changes, so that load of the machine meets both. What
counts is the median of the ratios of neighbouring rounds: of the time, and of the CPU time of the
worker and FFmpeg together.
"""

import argparse
import functools
import resource
import statistics
import tempfile
import time
from pathlib import Path

from libs.core.domain.formats import ConversionOptions
from services.conversion.ffmpeg.process import FfmpegProcess
from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.ports import ConversionJob
from services.conversion.sandbox import process as sandbox
from services.conversion.sandbox.process import SandboxLevel
from tests.bench.engine import PAIRS, InMemorySink, MappedSource, _source

MAX_COST = 1.02
"""Maximum of the time with the sandbox ÷ the time without."""


def measure(
    engine: FfmpegEngine, source: Path, fmt: str, level: SandboxLevel
) -> tuple[float, float]:
    """Convert once, and return the seconds by the clock and of the processors."""
    init = FfmpegProcess.__init__
    best = sandbox.best_sandbox_level
    FfmpegProcess.__init__ = functools.partialmethod(init, level=level)  # type: ignore[assignment]
    sandbox.best_sandbox_level = lambda: level  # type: ignore[assignment]
    mapped = MappedSource(source)
    began, cpu = time.monotonic(), _cpu_seconds()
    try:
        job = ConversionJob(fmt, ConversionOptions(), "bench")
        engine.convert(job, mapped, InMemorySink(), lambda _: None)
    finally:
        FfmpegProcess.__init__ = init  # type: ignore[method-assign]
        sandbox.best_sandbox_level = best
    return time.monotonic() - began, _cpu_seconds() - cpu


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main() -> int:
    """Print a line for each pair, and return 1 if the sandbox costs too much."""
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.sandbox", description=__doc__)
    arguments.add_argument("pairs", nargs="*", default=list(PAIRS))
    arguments.add_argument("--minutes", type=float, default=10)
    arguments.add_argument("--rounds", type=int, default=9)
    options = arguments.parse_args()
    engine = FfmpegEngine()
    print(f"{engine.version}; {options.minutes:g} minutes, {options.rounds} rounds")
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        for pair in options.pairs:
            kind, fmt = PAIRS[pair]
            source = _source(Path(folder), kind, options.minutes * 60)
            ratios, times = [], []
            for number in range(options.rounds):
                order = [SandboxLevel.SUPERVISED, SandboxLevel.NONE]
                found = {
                    level: measure(engine, source, fmt, level)
                    for level in (order if number % 2 else reversed(order))
                }
                on, off = (found[level] for level in order)
                ratios.append((on[0] / off[0], on[1] / off[1]))
                times.append(on[0])
            clock, cpu = (statistics.median(each) for each in zip(*ratios, strict=True))
            print(
                f"{pair:<10} {statistics.median(times):>6.2f} s with the sandbox, "
                f"÷ without: {clock:.3f} by the clock, {cpu:.3f} of CPU time",
                flush=True,
            )
            missed += [pair] if clock > MAX_COST else []
    print(f"More than {MAX_COST:g}: {', '.join(missed)}" if missed else "No limit exceeded.")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
