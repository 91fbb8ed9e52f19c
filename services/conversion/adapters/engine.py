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
from services.conversion import media
from services.conversion.adapters import jail
from services.conversion.adapters.conversion import Conversion
from services.conversion.adapters.limits import Limits
from services.conversion.adapters.window import Window
from services.conversion.media.table import RECIPES
from services.conversion.ports import PART_SIZE, Job, MediaEngine, OutputSink, Result, SourceBytes, Tick

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
            raise RuntimeError(f"{self._program} is too old ({version}): FFmpeg 6.1 or later is needed")
        if jail.best_jail() is not jail.Jail.ASKING:
            _log.warning("FFmpeg's jail is weaker here (%s): a converter that was taken over could open files", jail.best_jail())
        return version

    def recipe(self, job: Job) -> str:
        parts = (self.version, _digest_of_code(), job.format, repr(sorted(job.options.as_dict().items())), PART_SIZE)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]

    def convert(self, job: Job, source: SourceBytes, sink: OutputSink, tick: Callable[[Tick], None]) -> Result:
        _ = self.version  # says on first use what is missing here
        window = Window(source)
        try:
            fmt = find_format(job.format)
            return Conversion(self._program, self._limits, fmt, RECIPES[job.format], job.options, window, source, sink, tick).run()
        finally:
            window.close()

    def _ask(self, question: str) -> str:
        try:
            command = [self._program, "-hide_banner", question]
            return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20, env={}).stdout  # noqa: S603
        except (OSError, subprocess.SubprocessError) as error:
            raise RuntimeError(f"{self._program} does not run: {error}") from error


@functools.cache
def _digest_of_code() -> str:
    """What builds the arguments: a change of it may change the bytes of an output."""
    digest = hashlib.sha256()
    for path in sorted(Path(media.__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
