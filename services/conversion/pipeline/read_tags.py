"""Read the tags and the cover of the source, in a sandbox as FFmpeg is."""

import logging
import subprocess
from collections.abc import Mapping, Sequence

from services.conversion.ffmpeg.process import FfmpegProcess
from services.conversion.pipeline.context import ConversionContext, operator_detail
from services.conversion.ports import MediaError
from services.conversion.sandbox import process as sandbox
from services.conversion.storage.memory_file import MemoryFile
from services.conversion.tags.source_tags import MAX_ANSWER, READER, SourceTags, combine

_log = logging.getLogger(__name__)

_CONTAINERS = frozenset({
    "aac", "ac3", "aiff", "ape", "asf", "dsf", "dts", "eac3", "flac", "iff", "mp3", "mpc", "mpc8",
    "mov,mp4,m4a,3gp,3g2,mj2", "ogg", "tak", "truehd", "tta", "wav", "wv",
})  # fmt: skip
"""FFmpeg's names of the containers whose tags mutagen reads."""
_MAX_SECONDS = 10
_MAX_NAMED = 6


def read_tags(
    context: ConversionContext, container: str, from_ffmpeg: Mapping[str, str]
) -> SourceTags:
    """Return the tags, with warnings about an encoding that was guessed and about what is lost."""
    answer = _run_reader(context) if container in _CONTAINERS else b""
    found = combine(answer, from_ffmpeg, container)
    if found.encoding is not None:
        context.warn(
            "tag_encoding_guessed",
            f"The tags don't say their encoding. They were read as {found.encoding}.",
        )
    if found.lost:
        context.warn(
            "tags_unreadable",
            "These tags were left out, because they are too large or of an unknown kind:"
            f" {enumerate_names(found.lost)}.",
        )
    return found


def enumerate_names(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return ", ".join(name[:40] for name in names[:_MAX_NAMED]) + more


def _run_reader(context: ConversionContext) -> bytes:
    """Return the reader's answer; nothing if it fails, since FFmpeg's tags are there, too."""
    source, limits = context.source, context.limits
    try:
        with MemoryFile("tags") as output:
            command = sandbox.module_command(READER, str(source.fd), str(output.fd))
            rlimits = limits.rlimits(_MAX_SECONDS, MAX_ANSWER) | {"RLIMIT_CPU": limits.probe_cpu}
            reader = FfmpegProcess(
                command, [source.fd, output.fd], rlimits, limits.probe_seconds, _MAX_SECONDS, source
            )
            result = reader.run(context.progress.on_short_run)
            if result.ok:
                return output.read(MAX_ANSWER)
            problem = operator_detail(result)
    except (MediaError, OSError, subprocess.TimeoutExpired) as error:
        if source.error is not None:  # the store failed, not the reader
            raise
        problem = str(error)
    _log.warning("the tags were not read: %s", problem)
    return b""
