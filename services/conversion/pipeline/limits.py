"""Define the limits of one conversion."""

from dataclasses import dataclass

from libs.core.domain.uploads import GIB, MIB


@dataclass(frozen=True)
class Limits:
    """Hold the limits of one conversion: sizes in bytes, times in seconds."""

    max_duration: float = 24 * 3600
    """Duration of the longest source: a day's recording. A forged header states years."""
    max_output: int = 20 * GIB
    """Size of the largest output: a day of stereo WAV at 44.1 kHz and 24 bit fits."""
    memory: int = GIB
    """Address space of FFmpeg (RLIMIT_AS). A conversion takes 400 MB; malicious files with a rate
    of 1 Hz or pictures of 15,000 pixels ask for several GB."""
    memory_per_range: int = 96 * MIB
    """Address space that each of several inputs adds, for example of a chained Ogg file."""
    max_whole_source: int = GIB
    """Size of the largest source that may be in memory as a whole, as one is where the kernel does
    not let reads wait. So are chained Ogg files, but `ogg_links` takes only small ones. A slot of
    a worker has two GiB."""
    max_channels: int = 8
    """7.1, the most that an output format takes."""
    min_rate: int = 1000
    max_rate: int = 768_000
    """Sample rates in hertz that are taken. A file of 1 Hz would grow enormously when it is
    resampled to 44.1 kHz; the highest rate in use is 768 kHz."""
    wall_floor: float = 60
    """Wall time that every conversion may take."""
    wall_per_second: float = 1.0
    """Wall time per second of sound, if that is more; one slow core takes about a tenth of it."""
    estimate_floor: float = 1800
    """A conversion is never ended early for an estimate of less than these seconds."""
    stall: float = 30
    """FFmpeg is killed after this many seconds without progress. Waiting for S3 does not count."""
    probe_seconds: float = 30
    """Wall time of a run that decodes nothing, most of which is waiting for S3."""
    probe_cpu: int = 6
    """CPU time of such a run; a twentieth of a second is usual."""
    max_metadata: int = 16 * MIB
    """Size of the largest file of tags, or of the largest cover, that FFmpeg may write."""

    def wall(self, duration: float | None) -> float:
        """Return the wall time that decoding and encoding this many seconds of sound may take.

        An estimate may be years; what is converted ends at the longest duration.
        """
        seconds = self.max_duration if duration is None else min(duration, self.max_duration)
        return max(self.wall_floor, self.wall_per_second * seconds)

    def longest(self, duration: float | None) -> float:
        """Return the seconds that a conversion may be estimated to take, over all passes."""
        return max(self.estimate_floor, self.wall(duration))

    def rlimits(self, seconds: float, largest_file: int) -> dict[str, int]:
        """Return the resource limits of a process that may run for `seconds`.

        CPU time counts all threads, so its limit is a multiple of the wall time.
        """
        return {
            "RLIMIT_AS": self.memory,
            "RLIMIT_CPU": int(seconds * 4) + 10,
            "RLIMIT_FSIZE": largest_file,
            "RLIMIT_CORE": 0,
            "RLIMIT_NOFILE": 256,
        }
