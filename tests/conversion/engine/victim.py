"""A worker of its own for files from enemies: `Victim` starts it, and asks it to convert one file after the other.

Its memory is its own and FFmpeg's, nobody else's; the time it takes is the processor's, whatever else this machine does.
"""

import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.ports import MediaError
from tests.conversion.engine.support import convert


@dataclass(frozen=True)
class Answer:
    """What came of a file. `code` and `detail` are empty for a result, which lies beside the file as `.out` then."""

    code: str
    detail: str
    operator_detail: str
    source: str
    cpu: float
    """Seconds of processor time, the worker's and FFmpeg's."""
    seconds: float
    memory: int
    """Bytes: the most that the worker, or a process of FFmpeg, has had until now."""


class Victim:
    """Context manager; one file at a time."""

    def __init__(self) -> None:
        program = f"import sys; sys.path[:0] = {sys.path!r}; from tests.conversion.engine.victim import serve; serve()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "Victim":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def convert(self, path: Path, fmt: str) -> Answer:
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps([str(path), fmt]), file=self._process.stdin, flush=True)
        return Answer(**json.loads(self._process.stdout.readline()))


def serve() -> None:
    """Answers until its input ends."""
    engine = FfmpegEngine()
    for line in sys.stdin:
        path, fmt = json.loads(line)
        print(json.dumps(asdict(_convert(engine, Path(path), fmt))), flush=True)


def _convert(engine: FfmpegEngine, path: Path, fmt: str) -> Answer:
    began, cpu = time.monotonic(), processor_time()
    code = detail = operator_detail = source = ""
    try:
        made = convert(engine, path, fmt)
        path.with_suffix(".out").write_bytes(made.content)
        source = str(made.ticks[-1].source)
    except MediaError as error:
        code, detail, operator_detail = error.code, error.detail, error.operator_detail
    return Answer(
        code,
        detail,
        operator_detail,
        source,
        processor_time() - cpu,
        time.monotonic() - began,
        peak_memory(),
    )


def peak_memory() -> int:
    """Bytes. Its own since its exec: `ru_maxrss` of a process begins with what its parent had when it started it."""
    own = next(
        line
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmHWM")
    )
    return max(int(own.split()[1]), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) * 1024


def processor_time() -> float:
    """Seconds that this process and its children that have ended have computed."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)
