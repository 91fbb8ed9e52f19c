"""Convert with FFmpeg: the media engine.

It runs FFmpeg for up to six purposes, some of them repeated, each time as a process in a sandbox of
its own: to probe the source, to extract its cover, to count samples (for a fade-out), to measure
loudness (to normalise), to encode, and to verify the output. The reader of tags runs the same way,
without FFmpeg. The engine writes parts and one object through the sink, and nothing to a disk.
"""

import functools
import hashlib
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import mutagen
import structlog

from libs.core.domain.formats import find_format
from services.conversion import ffmpeg, pipeline, tags
from services.conversion.ffmpeg.process import FfmpegProcess
from services.conversion.ffmpeg.profiles import ENCODER_PROFILES
from services.conversion.pipeline import conversion
from services.conversion.pipeline.context import ConversionContext
from services.conversion.pipeline.limits import Limits
from services.conversion.pipeline.progress_tracker import ProgressTracker
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
from services.conversion.tags.source_tags import READER

__all__ = ["FfmpegEngine", "Limits"]

log = structlog.get_logger(__name__)

_PROGRAMS = 3
"""FFmpeg's runs for most conversions: to probe, to encode and to verify."""


class FfmpegEngine(MediaEngine):
    """Convert with the FFmpeg at a path (6.1 or later), or with the packaged one.

    Thread-safe; each thread runs one conversion at a time.
    """

    def __init__(self, ffmpeg: str | None = None, limits: Limits | None = None) -> None:
        self._program = ffmpeg or imageio_ffmpeg.get_ffmpeg_exe()
        self._limits = limits or Limits()

    def keep_processes_ready(self) -> None:
        """Start the processes of the next conversion ahead, from now on."""
        sandbox.keep_ready(_PROGRAMS, READER)

    @functools.cached_property
    def version(self) -> str:
        """Return the first line of `ffmpeg -version`.

        Raises RuntimeError if the program does not run, is too old to have the `fd:` protocol, or
        needs what the sandbox refuses.
        """
        version = self._version_text.partition("\n")[0]
        if not re.search(r"^\s+fd$", self._ask("-protocols"), re.MULTILINE):
            raise RuntimeError(
                f"{self._program} is too old ({version}): FFmpeg 6.1 or later is needed"
            )
        self._try_sandbox()
        if sandbox.best_sandbox_level() is not sandbox.SandboxLevel.SUPERVISED:
            log.warning(
                "sandbox.weak",
                level=str(sandbox.best_sandbox_level()),
                reason="an exploited FFmpeg could open files",
            )
        return version

    @functools.cached_property
    def _has_soxr(self) -> bool:
        """Return True if FFmpeg can resample with soxr; builds for some systems cannot."""
        return "--enable-libsoxr" in self._version_text

    @functools.cached_property
    def _version_text(self) -> str:
        return self._ask("-version")

    def encoder_fingerprint(self, job: ConversionJob) -> str:
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
        on_progress: Callable[[EngineProgress], None],
    ) -> ConversionResult:
        _ = self.version  # fails on first use if FFmpeg is missing or too old
        context = ConversionContext(
            self._program,
            self._limits,
            find_format(job.format),
            ENCODER_PROFILES[job.format],
            job.options,
            SourceCache(source),
            ProgressTracker(on_progress, job.is_paused),
            has_soxr=self._has_soxr,
        )
        try:
            return conversion.convert(context, sink)
        finally:
            context.source.close()

    def _try_sandbox(self) -> None:
        with open(os.devnull, "rb") as source:
            seconds = self._limits.probe_seconds
            command = [self._program, "-hide_banner", "-version"]
            result = FfmpegProcess(command, [source.fileno()], {}, seconds, seconds).run(
                lambda _progress: True
            )
        if not result.ok:
            refused = ", ".join(result.refused) or "no system call that we know of"
            raise RuntimeError(
                f"{self._program} does not run in the sandbox, which refused {refused}"
            )

    def _ask(self, option: str) -> str:
        try:
            command = [self._program, "-hide_banner", option]
            return subprocess.run(  # noqa: S603 -- our own program
                command, capture_output=True, text=True, check=True, timeout=20, env={}
            ).stdout
        except (OSError, subprocess.SubprocessError) as error:
            raise RuntimeError(f"{self._program} does not run: {error}") from error


@functools.cache
def _digest_of_code() -> str:
    """Return a digest of the code that determines the output's bytes."""
    digest = hashlib.sha256(mutagen.version_string.encode())
    for package in (ffmpeg, pipeline, tags):
        for path in sorted(Path(str(package.__file__)).parent.rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
