"""FFmpeg's argument lists. Nothing in them comes from a stranger but numbers that were checked: files are descriptors, tags are a file."""

from collections.abc import Sequence

from services.conversion.ffmpeg import allow_list as whitelist
from services.conversion.ffmpeg.encode_plan import EncodePlan
from services.conversion.ffmpeg.profiles import EncoderProfile

_QUIET = ["-hide_banner", "-nostdin", "-nostats", "-max_alloc", str(512 * 1024 * 1024)]
_PROGRESS = ["-progress", "pipe:1", "-stats_period", "0.2"]

_BULK = 256 * 1024
_QUEUE = ["-thread_queue_size", "64"]
"""Packets that may wait for the muxer instead of 8: an encoder that outruns it for a moment goes on."""


def in_bulk(container: str, codec: str) -> list[str]:
    """Options that stand before a source of plain samples: packets of 256 KiB instead of 16, each asked for once instead of by 32 KiB.

    FFmpeg's threads hand on packets by queues of few places; many small ones let the encoder wait for a fifth of its time (measured, two
    processors with other work to do). The smaller `probesize` says that one such packet is enough to look at: it would read twenty.
    """
    bulk = container in ("wav", "w64") and codec.startswith("pcm_")
    return ["-max_size", str(_BULK), "-probesize", str(_BULK // 2)] if bulk else []


def _source(fd: int) -> list[str]:
    return [*whitelist.input_options(), "-fd", str(fd), "-i", "fd:"]


def describe(source: int, tags_out: int) -> list[str]:
    """Says on stderr what the source is and writes its tags and chapters to `tags_out`; decodes nothing."""
    return [
        *_QUIET, "-loglevel", "level+info", *_source(source),
        *("-map", "0:a:0", "-c", "copy", "-frames:a", "1", "-f", "ffmetadata", "-fd", str(tags_out), "-y", "fd:"),
    ]  # fmt: skip


def extract_cover(source: int, picture: int, out: int) -> list[str]:
    """Writes the bytes of video stream `picture` (an attached one) as they are."""
    return [
        *_QUIET, "-loglevel", "level+warning", *_source(source),
        *("-map", f"0:v:{picture}", "-c", "copy", "-frames:v", "1", "-f", "image2pipe", "-fd", str(out), "-y", "fd:"),
    ]  # fmt: skip


def measure(
    source: int, reading: Sequence[str], stream: int, filters: Sequence[str], longest: float
) -> list[str]:
    """A pass before the conversion: decodes everything and says how long it is and what the filters print. `reading`: see `in_bulk`."""
    chain = ",".join(filters)
    return [
        *_QUIET, *_PROGRESS, "-loglevel", "level+verbose", *reading, *_source(source),
        *("-map", f"0:{stream}", "-af", chain, "-t", f"{longest:g}", "-f", "null", "-y", "-"),
    ]  # fmt: skip


def convert(
    recipe: EncoderProfile, plan: EncodePlan, *, source: int, reading: Sequence[str], stream: int, tags: int, cover: int | None, out: int, longest: float,
    index_room: int,
) -> list[str]:  # fmt: skip
    """The conversion itself. `reading`: see `in_bulk`; `longest` in seconds, `index_room` in bytes (MP4)."""
    command = [*_QUIET, *_PROGRESS, "-loglevel", "level+verbose", *reading, *_source(source)]
    command += ["-protocol_whitelist", "fd", "-f", "ffmetadata", "-fd", str(tags), "-i", "fd:"]
    if cover is not None:
        command += [
            "-protocol_whitelist",
            "fd",
            "-codec_whitelist",
            "flac",
            "-f",
            "flac",
            "-fd",
            str(cover),
            "-i",
            "fd:",
        ]
    command += ["-map", f"0:{stream}"]
    if cover is not None:
        command += ["-map", "2:v:0", "-c:v", "copy", "-disposition:v:0", "attached_pic"]
        command += [
            "-metadata:s:v:0",
            "title=Album cover",
            "-metadata:s:v:0",
            "comment=Cover (front)",
        ]
    command += [
        "-map_metadata",
        "1",
        "-map_metadata:s:a",
        "-1",
        "-map_chapters",
        "1" if recipe.chapters == "native" else "-1",
    ]
    command += ["-c:a", plan.encoder, *plan.encoder_options]
    if plan.filters:
        command += ["-af", ",".join(plan.filters)]
    # Nothing of the run itself goes into the file (dates, versions, random ids): another attempt makes the same bytes.
    command += [
        "-fflags",
        "+bitexact",
        "-flags:a",
        "+bitexact",
        "-t",
        f"{longest:g}",
        *_QUEUE,
        *recipe.muxer_options,
    ]
    if recipe.index_first:
        command += ["-moov_size", str(index_room)]
    return [*command, "-f", recipe.muxer, "-fd", str(out), "-y", "fd:"]


def verify(out: int) -> list[str]:
    """Opens what was made and says what it is."""
    return [
        *_QUIET,
        "-loglevel",
        "level+info",
        *_source(out),
        "-map",
        "0:a:0",
        "-c",
        "copy",
        "-frames:a",
        "1",
        "-f",
        "null",
        "-y",
        "-",
    ]
