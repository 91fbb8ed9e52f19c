"""Build FFmpeg's argument lists.

The only values from outside are numbers that were checked: files are descriptors, and tags are in a
file.
"""

from collections.abc import Sequence

from services.conversion.ffmpeg import allow_list
from services.conversion.ffmpeg.encode_plan import EncodePlan
from services.conversion.ffmpeg.profiles import EncoderProfile

_MAX_ALLOCATION = 512 * 1024 * 1024
_QUIET = ["-hide_banner", "-nostdin", "-nostats", "-max_alloc", str(_MAX_ALLOCATION)]
_PROGRESS = ["-progress", "pipe:1", "-stats_period", "0.2"]

_PACKET_SIZE = 256 * 1024
_MUXER_QUEUE = ["-thread_queue_size", "64"]
"""Packets that may wait for the muxer, instead of 8, so that a faster encoder continues."""
_FIRST_AUDIO_FRAME = ["-map", "0:a:0", "-c", "copy", "-frames:a", "1"]


def large_packet_options(container: str, codec: str) -> list[str]:
    """Return the input options that read PCM in packets of 256 KiB instead of 16 KiB.

    FFmpeg's threads pass packets on through short queues. With small packets the encoder waits for
    a fifth of its time (measured with two busy processors). The smaller `probesize` makes FFmpeg
    probe one such packet instead of twenty.
    """
    if container not in ("wav", "w64") or not codec.startswith("pcm_"):
        return []
    return ["-max_size", str(_PACKET_SIZE), "-probesize", str(_PACKET_SIZE // 2)]


def describe(source: int, tags_output: int) -> list[str]:
    """Describe the source on stderr and write its tags to `tags_output`, without decoding."""
    return [
        *_QUIET,
        *("-loglevel", "level+info"),
        *_source(source),
        *_FIRST_AUDIO_FRAME,
        *("-f", "ffmetadata"),
        *_output(tags_output),
    ]


def extract_cover(source: int, picture: int, output: int) -> list[str]:
    """Copy the bytes of an attached picture; `picture` is its index among the video streams."""
    return [
        *_QUIET,
        *("-loglevel", "level+warning"),
        *_source(source),
        *("-map", f"0:v:{picture}", "-c", "copy", "-frames:v", "1", "-f", "image2pipe"),
        *_output(output),
    ]


def measure(
    source: int,
    input_options: Sequence[str],
    stream: int,
    filters: Sequence[str],
    max_duration: float,
) -> list[str]:
    """Decode everything, and print the duration and what the filters measure."""
    return [
        *_QUIET,
        *_PROGRESS,
        *("-loglevel", "level+verbose"),
        *input_options,
        *_source(source),
        *("-map", f"0:{stream}", "-af", ",".join(filters), "-t", f"{max_duration:g}"),
        *("-f", "null", "-y", "-"),
    ]


def convert(
    profile: EncoderProfile,
    plan: EncodePlan,
    *,
    source: int,
    input_options: Sequence[str],
    stream: int,
    tags: int,
    muxer_options: Sequence[str],
    output: int,
    max_duration: float,
    index_size: int,
) -> list[str]:
    """Convert the source.

    Args:
        profile: The profile of the output format.
        plan: The settings of this output, with all filters.
        source: The descriptor of the source.
        input_options: See `large_packet_options`.
        stream: The index of the audio stream to convert.
        tags: The descriptor of tags and chapters as ffmetadata.
        muxer_options: What the tags need besides.
        output: The descriptor to write to.
        max_duration: Seconds after which the conversion ends.
        index_size: Bytes to reserve for an MP4 index.
    """
    command = [*_QUIET, *_PROGRESS, "-loglevel", "level+verbose", *input_options, *_source(source)]
    command += _trusted_input("ffmetadata", tags)
    command += ["-map", f"0:{stream}"]
    command += ["-map_metadata", "1", "-map_metadata:s:a", "-1", "-map_chapters", "1"]
    command += ["-c:a", plan.encoder, *plan.encoder_options]
    if plan.filters:
        command += ["-af", ",".join(plan.filters)]
    # Without dates, versions and random ids, another attempt makes the same bytes.
    command += ["-fflags", "+bitexact", "-flags:a", "+bitexact", "-t", f"{max_duration:g}"]
    command += [*_MUXER_QUEUE, *profile.muxer_options, *muxer_options]
    if profile.index_first:
        command += ["-moov_size", str(index_size)]
    return [*command, "-f", profile.muxer, *_output(output)]


def verify(output: int) -> list[str]:
    """Describe an output on stderr, without decoding it."""
    return [
        *_QUIET,
        *("-loglevel", "level+info"),
        *_source(output),
        *_FIRST_AUDIO_FRAME,
        *("-f", "null", "-y", "-"),
    ]


def _source(fd: int) -> list[str]:
    return [*allow_list.input_options(), "-fd", str(fd), "-i", "fd:"]


def _trusted_input(demuxer: str, fd: int) -> list[str]:
    return ["-protocol_whitelist", "fd", "-f", demuxer, "-fd", str(fd), "-i", "fd:"]


def _output(fd: int) -> list[str]:
    return ["-fd", str(fd), "-y", "fd:"]
