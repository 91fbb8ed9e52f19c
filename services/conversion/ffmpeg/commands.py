"""Build FFmpeg's argument lists.

The only values from outside are numbers that were checked: files are descriptors, and tags are in a
file.
"""

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class SoundInput:
    """Say how FFmpeg reads the sound: one stream of a file, or consecutive ranges of a file."""

    descriptors: Sequence[int]
    """The source; for ranges one for each, because they have file positions of their own."""
    stream: int
    options: Sequence[str] = ()
    """See `large_packet_options`."""
    demuxer: str = ""
    """See `demuxer_of`."""
    ranges: Sequence[tuple[int, int]] = ()
    """The bytes [start, end) of each range; empty for the whole file."""
    unify: Sequence[str] = ()
    """The filters of each range, which give all the same format."""

    @property
    def arguments(self) -> list[str]:
        """Return the input arguments."""
        if not self.ranges:
            return [*self.options, *_source(self.descriptors[0], self.demuxer)]
        arguments = []
        for fd, (start, end) in zip(self.descriptors, self.ranges, strict=True):
            url = f"subfile,,start,{start},end,{end},,:fd:"
            # Each further thread reserves address space, which is limited.
            arguments += ["-threads", "1", *allow_list.input_options("fd,subfile")]
            arguments += ["-fd", str(fd), "-i", url]
        return arguments

    @property
    def count(self) -> int:
        """Return the number of inputs."""
        return len(self.ranges) or 1

    def filtered(self, filters: Sequence[str]) -> list[str]:
        """Return the arguments that select the sound and filter it."""
        if not self.ranges:
            selected = ["-map", f"0:{self.stream}"]
            return [*selected, "-af", ",".join(filters)] if filters else selected
        graph = [f"[{n}:a:0]{unify}[link{n}]" for n, unify in enumerate(self.unify)]
        labels = "".join(f"[link{n}]" for n in range(self.count))
        chain = ",".join([f"{labels}concat=n={self.count}:v=0:a=1", *filters])
        return ["-filter_complex", ";".join([*graph, f"{chain}[sound]"]), "-map", "[sound]"]


def demuxer_of(head: bytes) -> str:
    """Return the demuxer of a file of PCM by its first bytes, "" for all other files.

    FFmpeg takes PCM with a period of 188 bytes for MPEG-TS, whatever the file begins with.
    """
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    return {b".snd": "au", b"caff": "caf", b"riff": "w64"}.get(head[:4], "")


def large_packet_options(container: str, codec: str) -> list[str]:
    """Return the input options that read PCM in packets of 256 KiB instead of 16 KiB.

    FFmpeg's threads pass packets on through short queues. With small packets the encoder waits for
    a fifth of its time (measured with two busy processors). The smaller `probesize` makes FFmpeg
    probe one such packet instead of twenty.
    """
    if container not in ("wav", "w64") or not codec.startswith("pcm_"):
        return []
    return ["-max_size", str(_PACKET_SIZE), "-probesize", str(_PACKET_SIZE // 2)]


def describe(source: int, tags_output: int, demuxer: str) -> list[str]:
    """Describe the source on stderr and write its tags to `tags_output`, without decoding.

    `demuxer` is that of `demuxer_of`.
    """
    return [
        *_QUIET,
        *("-loglevel", "level+info"),
        *_source(source, demuxer),
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


def measure(source: SoundInput, filters: Sequence[str], max_duration: float) -> list[str]:
    """Decode everything, and print the duration and what the filters measure."""
    return [
        *_QUIET,
        *_PROGRESS,
        *("-loglevel", "level+verbose"),
        *source.arguments,
        *source.filtered(filters),
        *("-t", f"{max_duration:g}"),
        *("-f", "null", "-y", "-"),
    ]


def encode(
    profile: EncoderProfile,
    plan: EncodePlan,
    *,
    filters: Sequence[str],
    source: SoundInput,
    tags: int,
    muxer_options: Sequence[str],
    output: int,
    max_duration: float,
    index_size: int,
) -> list[str]:
    """Decode the source, filter it, and encode the output.

    Args:
        profile: The profile of the output format.
        plan: The settings of this output.
        filters: All filters, in their order.
        source: The sound to convert.
        tags: The descriptor of tags and chapters as ffmetadata.
        muxer_options: What the tags need besides.
        output: The descriptor to write to.
        max_duration: Seconds after which the conversion ends.
        index_size: Bytes to reserve for an MP4 index.
    """
    command = [*_QUIET, *_PROGRESS, "-loglevel", "level+verbose", *source.arguments]
    command += _trusted_input("ffmetadata", tags)
    command += source.filtered(filters)
    inputs = str(source.count)
    command += ["-map_metadata", inputs, "-map_metadata:s:a", "-1", "-map_chapters", inputs]
    command += ["-c:a", plan.encoder, *plan.encoder_options]
    # Without dates, versions and random ids, another attempt makes the same bytes.
    command += ["-fflags", "+bitexact", "-flags:a", "+bitexact", "-t", f"{max_duration:g}"]
    command += [*_MUXER_QUEUE, *profile.muxer_options, *muxer_options]
    if profile.index_first:
        command += ["-moov_size", str(index_size)]
    return [*command, "-f", profile.muxer, *_output(output)]


def verify(output: int, head: bytes) -> list[str]:
    """Describe an output that begins with `head` on stderr, without decoding it."""
    return [
        *_QUIET,
        *("-loglevel", "level+info"),
        *_source(output, demuxer_of(head)),
        *_FIRST_AUDIO_FRAME,
        *("-f", "null", "-y", "-"),
    ]


def _source(fd: int, demuxer: str = "") -> list[str]:
    forced = ["-f", demuxer] if demuxer else []
    return [*allow_list.input_options(), *forced, "-fd", str(fd), "-i", "fd:"]


def _trusted_input(demuxer: str, fd: int) -> list[str]:
    return ["-protocol_whitelist", "fd", "-f", demuxer, "-fd", str(fd), "-i", "fd:"]


def _output(fd: int) -> list[str]:
    return ["-fd", str(fd), "-y", "fd:"]
