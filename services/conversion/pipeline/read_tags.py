"""Read the tags and the cover of the source, in a sandbox as FFmpeg is."""

import contextlib
import subprocess
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait

import structlog

from libs.core.domain.item_text import MAX_NAME, cut_utf8
from services.conversion.exhaustion import is_of_exhaustion
from services.conversion.ffmpeg.ffmetadata import Metadata
from services.conversion.ffmpeg.process import FfmpegProcess, FfmpegProgress, OnProgress
from services.conversion.pipeline.context import ConversionContext, operator_detail
from services.conversion.pipeline.progress_tracker import REPORT_INTERVAL
from services.conversion.ports import MediaError
from services.conversion.sandbox import process as sandbox
from services.conversion.storage.memory_file import MemoryFile
from services.conversion.storage.source_cache import SourceCache, SourceReader
from services.conversion.tags.source_tags import MAX_OUTPUT, READER, SourceTags, combine

log = structlog.get_logger(__name__)

_CONTAINERS = frozenset({
    "aac", "ac3", "aiff", "ape", "asf", "dsf", "dts", "eac3", "flac", "iff", "mp3", "mpc", "mpc8",
    "mov,mp4,m4a,3gp,3g2,mj2", "ogg", "tak", "truehd", "tta", "wav", "wv",
})  # fmt: skip
"""FFmpeg's names of the containers whose tags mutagen reads."""
_MAX_SECONDS = 10
_MAX_NAMED = 6


class TagReading:
    """Run the reader of tags beside FFmpeg's probe: both take a tenth of a second to start.

    Without the supervised sandbox, both would move the same file position. The reader runs later
    then, when its answer is needed.
    """

    def __init__(self, context: ConversionContext) -> None:
        self._context = context
        self._stopped = threading.Event()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="tags")
        self._reading: Future[bytes] | None = None
        self._answer: bytes | None = None

    def start(self) -> None:
        """Begin to read the tags of the context's source."""
        if sandbox.best_sandbox_level() is sandbox.SandboxLevel.SUPERVISED:
            self._reading = self._executor.submit(self._read_beside, self._context.source)

    def close(self) -> None:
        """End the process, and the thread that waits for it."""
        self._stopped.set()
        self._executor.shutdown()

    def answer(self) -> bytes:
        """Wait for the reader, and return its answer. Raises what the source raised.

        The context's source may be replaced afterwards.
        """
        context = self._context
        if self._answer is None and self._reading is not None:
            while not wait([self._reading], REPORT_INTERVAL).done:
                context.progress.on_unmeasured_step()
            self._answer = self._reading.result()
        elif self._answer is None:
            run = context.progress.on_short_run
            self._answer = _run_reader(context, context.source.reader, run)
        return self._answer

    def _read_beside(self, source: SourceCache) -> bytes:
        with source.another_reader() as reader:
            return _run_reader(self._context, reader, self._go_on)

    def _go_on(self, _progress: FfmpegProgress) -> bool:
        if self._stopped.is_set():
            raise CancelledError
        return not self._context.progress.is_paused()


@contextlib.contextmanager
def start_reading_tags(context: ConversionContext) -> Iterator[TagReading]:
    """Read the tags in the background, for as long as the `with` block runs."""
    reading = TagReading(context)
    try:
        reading.start()
        yield reading
    finally:
        reading.close()


def combine_tags(
    context: ConversionContext,
    reading: TagReading,
    container: str,
    from_ffmpeg: Metadata,
) -> SourceTags:
    """Return the tags, with warnings about an encoding that was guessed and about what is lost."""
    answer = reading.answer() if container in _CONTAINERS else b""
    found = combine(answer, from_ffmpeg.tags, container, from_ffmpeg.lost)
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
    return ", ".join(cut_utf8(name[:40], MAX_NAME) for name in names[:_MAX_NAMED]) + more


def _run_reader(context: ConversionContext, source: SourceReader, on_progress: OnProgress) -> bytes:
    """Return the reader's answer; nothing if it fails, since FFmpeg's tags are there, too.

    Raises the error of the store, or of a machine without descriptors, processes or threads: the
    next attempt may find more tags.
    """
    limits = context.limits
    try:
        with MemoryFile("tags") as output:
            command = sandbox.module_command(READER, str(source.fd), str(output.fd))
            rlimits = limits.rlimits(_MAX_SECONDS, MAX_OUTPUT) | {"RLIMIT_CPU": limits.probe_cpu}
            reader = FfmpegProcess(
                command, [source.fd, output.fd], rlimits, limits.probe_seconds, _MAX_SECONDS, source
            )
            result = reader.run(on_progress)
            if result.ok:
                return output.read(MAX_OUTPUT)
            problem = operator_detail(result)
    except (MediaError, OSError, subprocess.TimeoutExpired) as error:
        if source.error is not None or is_of_exhaustion(error):  # the reader is not to blame
            raise
        problem = str(error)
    log.warning("tags.unread", reason=problem)
    return b""
