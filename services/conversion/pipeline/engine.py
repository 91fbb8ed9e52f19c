"""FFmpeg as the media engine: `FfmpegEngine(MediaEngine)`.

What it starts and when. *Describe*: one run that decodes nothing, for streams, duration, tags and chapters; one more only for a cover.
*Measure*: only to normalise loudness. *Convert*: the work. *Verify*: the output is opened as a stranger's file would be.
Every run is a process in a jail of its own; each costs some 40 ms.
What it writes: parts and one object through the sink, nothing else, nothing on disk.
"""

import functools
import hashlib
import logging
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg

from libs.core.domain.formats import find_format
from services.conversion import ffmpeg, pipeline
from services.conversion.ffmpeg.profiles import ENCODER_PROFILES
from services.conversion.pipeline.limits import Limits
from services.conversion.pipeline.pipeline import ConversionPipeline
from services.conversion.ports import (
    PART_SIZE,
    ConversionJob,
    ConversionResult,
    EngineProgress,
    MediaEngine,
    OutputSink,
    SourceBytes,
)
from services.conversion.sandbox import process as sandbox
from services.conversion.storage.source_cache import SourceCache

__all__ = ["FfmpegEngine", "Limits"]

_log = logging.getLogger(__name__)


class FfmpegEngine(MediaEngine):
    """Thread-safe; one `convert` per thread at a time. `ffmpeg` is the path of an FFmpeg 6.1 or later; None: the packaged one."""

    def __init__(self, ffmpeg: str | None = None, limits: Limits | None = None) -> None:
        self._program = ffmpeg or imageio_ffmpeg.get_ffmpeg_exe()
        self._limits = limits or Limits()

    @functools.cached_property
    def version(self) -> str:
        """The first line of `ffmpeg -version`. Raises RuntimeError when the program does not run or knows no `fd:`."""
        version = self._ask("-version").partition("\n")[0]
        if not re.search(r"^\s+fd$", self._ask("-protocols"), re.MULTILINE):
            raise RuntimeError(
                f"{self._program} is too old ({version}): FFmpeg 6.1 or later is needed"
            )
        if sandbox.best_sandbox_level() is not sandbox.SandboxLevel.SUPERVISED:
            _log.warning(
                "FFmpeg's sandbox is weaker here (%s): a compromised FFmpeg could open files",
                sandbox.best_sandbox_level(),
            )
        return version

    def recipe(self, job: ConversionJob) -> str:
        parts = (
            self.version,
            _digest_of_code(),
            job.format,
            repr(sorted(job.options.as_dict().items())),
            PART_SIZE,
        )
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]

    def convert(
        self,
        job: ConversionJob,
        source: SourceBytes,
        sink: OutputSink,
        tick: Callable[[EngineProgress], None],
    ) -> ConversionResult:
        _ = self.version  # says on first use what is missing here
        window = SourceCache(source)
        try:
            fmt = find_format(job.format)
            return ConversionPipeline(
                self._program,
                self._limits,
                fmt,
                ENCODER_PROFILES[job.format],
                job.options,
                window,
                source,
                sink,
                tick,
            ).run()
        finally:
            window.close()

    def _ask(self, question: str) -> str:
        try:
            command = [self._program, "-hide_banner", question]
            return subprocess.run(  # noqa: S603 -- our own program
                command, capture_output=True, text=True, check=True, timeout=20, env={}
            ).stdout
        except (OSError, subprocess.SubprocessError) as error:
            raise RuntimeError(f"{self._program} does not run: {error}") from error


@functools.cache
def _digest_of_code() -> str:
    """What builds the arguments: a change of it may change the bytes of an output."""
    digest = hashlib.sha256()
    for package in (ffmpeg, pipeline):
        for path in sorted(Path(str(package.__file__)).parent.glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
