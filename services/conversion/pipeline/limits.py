"""What one conversion may cost."""

from dataclasses import dataclass

from libs.core.domain.uploads import GIB, MIB


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes, times in seconds."""

    max_duration: float = 24 * 3600
    """Longest sound: a day's recording; a forged header promises years."""
    max_output: int = 20 * GIB
    """Largest result: a day of stereo WAV at 44.1 kHz and 24 bit fits."""
    memory: int = GIB
    """Address space of FFmpeg (RLIMIT_AS). It converts with 400 MB; bombs of one hertz or 15,000 pixels ask for several GB."""
    max_channels: int = 8
    """7.1, the most that an output format takes."""
    min_rate: int = 1000
    max_rate: int = 768_000
    """Hertz of the source: a file of one hertz resampled to 44,100 is a bomb; the highest in use is 768 kHz."""
    wall_floor: float = 60
    """Every conversion has at least so long …"""
    wall_per_second: float = 1.0
    """… and this for each second of sound: a tenth of it is usual on one slow core."""
    stall: float = 30
    """Without any sign of progress FFmpeg is given up; waiting for S3 does not count."""
    probe_seconds: float = 30
    """For a run that decodes nothing; most of it is waiting for S3."""
    probe_cpu: int = 6
    """Seconds of processor time for the same: usual is a twentieth of a second."""
    tags: int = 16 * MIB
    """Most that FFmpeg may write as tags or cover."""

    def wall(self, duration: float | None) -> float:
        """Seconds of wall time that a conversion of so many seconds of sound may take."""
        return max(
            self.wall_floor,
            self.wall_per_second * (duration if duration is not None else self.max_duration),
        )

    def rlimits(self, seconds: float, largest_file: int) -> dict[str, int]:
        """For the launcher. CPU time counts all threads, hence a multiple of the wall time."""
        cpu = int(seconds * 4) + 10
        return {
            "RLIMIT_AS": self.memory,
            "RLIMIT_CPU": cpu,
            "RLIMIT_FSIZE": largest_file,
            "RLIMIT_CORE": 0,
            "RLIMIT_NOFILE": 256,
        }
