"""Hold what every step of a conversion needs, and run FFmpeg within its limits."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from libs.core.domain.conversions import ConversionWarning
from libs.core.domain.formats import ConversionOptions, Format
from services.conversion.ffmpeg.process import FfmpegProcess, FfmpegResult, OnProgress
from services.conversion.ffmpeg.profiles import EncoderProfile
from services.conversion.pipeline import failures, validation
from services.conversion.pipeline.limits import Limits
from services.conversion.pipeline.progress_tracker import ProgressTracker
from services.conversion.ports import MediaError
from services.conversion.storage import memory_file
from services.conversion.storage.memory_file import MemoryFile
from services.conversion.storage.multipart_writer import MultipartWriter
from services.conversion.storage.source_cache import SourceCache
from services.conversion.storage.spliced_source import SplicedSource


@dataclass
class ConversionContext:
    """Hold the request, the source and the limits. The caller closes `source`."""

    program: str
    """The path of FFmpeg."""
    limits: Limits
    fmt: Format
    profile: EncoderProfile
    options: ConversionOptions
    source: SourceCache
    progress: ProgressTracker
    has_soxr: bool = True
    """FFmpeg has the resampler of SoX."""
    warnings: list[ConversionWarning] = field(default_factory=list)
    """Warnings for the owner of the conversion. Every step may add one."""

    def keep_ranges(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Replace the source by these ranges of its bytes."""
        spliced = SplicedSource(self.source.origin, ranges)
        self.source.close()
        self.source = SourceCache(spliced)

    def fetch_whole_source(self) -> None:
        """Fetch the source into memory. Raises MediaError if it is too large for that."""
        if memory_file.is_in_memory() and self.source.size > self.limits.max_whole_source:
            detail = f"{self.source.size} bytes would be in memory as a whole"
            raise MediaError(failures.TOO_MUCH_MEMORY, detail)
        self.source.fetch_all(self.progress.on_unmeasured_step)

    def warn(self, code: str, detail: str, reason: str | None = None) -> None:
        """Add a warning; `code` and `reason` are those of docs/api.md."""
        self.warnings.append(ConversionWarning(code, detail, reason))

    def inspect(self, command: Sequence[str], output: MemoryFile) -> FfmpegResult:
        """Run FFmpeg without decoding anything; it may write to `output`."""
        rlimits = self.limits.rlimits(self.limits.probe_seconds, self.limits.max_metadata)
        rlimits["RLIMIT_CPU"] = self.limits.probe_cpu
        return FfmpegProcess(
            [self.program, *command],
            [self.source.fd, output.fd],
            rlimits,
            self.limits.probe_seconds,
            self.limits.stall,
            self.source.reader,
        ).run(self.progress.on_short_run)

    def process(
        self,
        command: Sequence[str],
        decoded: float | None,
        on_progress: OnProgress | None = None,
        descriptors: Sequence[int] = (),
        max_file: int | None = None,
        output: MultipartWriter | None = None,
    ) -> FfmpegResult:
        """Run FFmpeg on all of the sound.

        Args:
            command: The arguments of FFmpeg.
            decoded: The seconds of sound that it decodes, or None: `TimeRange.decoded`.
            on_progress: What follows the run instead of the progress tracker.
            descriptors: Those that FFmpeg inherits, besides the source.
            max_file: Bytes of the largest file that it may write.
            output: What it writes to, for sending parts meanwhile.
        """
        max_seconds = self.limits.wall(decoded)
        max_file = self.limits.max_metadata if max_file is None else max_file
        rlimits = self.limits.rlimits(max_seconds, max_file)
        rlimits["RLIMIT_AS"] += self.source.count_reopened() * self.limits.memory_per_range
        return FfmpegProcess(
            [self.program, *command],
            [self.source.fd, *descriptors],
            rlimits,
            max_seconds,
            self.limits.stall,
            self.source.reader,
            output,
        ).run(on_progress or self.progress.on_decoding)

    def require_output_fits(self, size: float) -> None:
        """Raise MediaError if an output of `size` bytes is larger than the format or we allow."""
        failure = validation.check_size(size, self.fmt, self.profile, self.limits.max_output)
        if failure is not None:
            raise MediaError(failure)


def require_success(result: FfmpegResult) -> None:
    """Raise MediaError if a run of FFmpeg failed."""
    failure = validation.check_exit(result.exit_code, result.signal, result.log)
    if failure is not None:
        raise MediaError(failure, operator_detail(result))


def operator_detail(result: FfmpegResult) -> str:
    """Return what the operator should know about a run that failed."""
    lines = [f"exit {result.exit_code} signal {result.signal}", *result.log.messages]
    return "\n".join([*lines, *(f"refused: {name}" for name in result.refused)])
