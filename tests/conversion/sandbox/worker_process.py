"""Convert files in a process of its own, so that its memory and CPU time can be measured."""

import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.ports import MediaError
from tests.conversion.media_support import convert


@dataclass(frozen=True)
class Answer:
    """Hold the outcome of one file.

    `code` and `detail` are empty if it was converted; the result is beside the file, as `.out`.
    """

    code: str
    detail: str
    operator_detail: str
    source: str
    cpu: float
    """Seconds of CPU time, of the worker and FFmpeg."""
    seconds: float
    memory: int
    """Peak memory in bytes of the worker, or of one FFmpeg, since the worker was started."""


class WorkerProcess:
    """Convert one file at a time. Use it as a context manager."""

    def __init__(self) -> None:
        program = (
            f"import sys; sys.path[:0] = {sys.path!r}; "
            f"from tests.conversion.sandbox.worker_process import serve; serve()"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "WorkerProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)

    @property
    def is_alive(self) -> bool:
        """Return True if the process runs."""
        return self._process.poll() is None

    def convert(self, path: Path, fmt: str) -> Answer:
        """Convert a file."""
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps([str(path), fmt]), file=self._process.stdin, flush=True)
        return Answer(**json.loads(self._process.stdout.readline()))


def serve() -> None:
    """Convert the files named on stdin, until it ends."""
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
    """Return the peak memory in bytes of this process, or of one child if that is more.

    VmHWM counts from exec; `ru_maxrss` begins with the memory of the parent at the fork.
    """
    own = next(
        line
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmHWM")
    )
    return max(int(own.split()[1]), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) * 1024


def processor_time() -> float:
    """Return the CPU seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)
