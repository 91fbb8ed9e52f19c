"""Prepare tags, chapters and the cover as memory files for FFmpeg."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from services.conversion.ffmpeg import commands, ffmetadata
from services.conversion.pipeline import cover
from services.conversion.pipeline.context import ConversionContext
from services.conversion.pipeline.probe import ProbedSource
from services.conversion.pipeline.tags import tags_file
from services.conversion.pipeline.time_range import TimeRange
from services.conversion.storage.memory_file import MemoryFile


@dataclass(frozen=True)
class Attachments:
    """Hold the memory files that FFmpeg reads besides the source."""

    tags: MemoryFile
    cover: MemoryFile | None

    @property
    def size(self) -> int:
        """Return an upper bound of the bytes that they take in an MP4 index."""
        return self.tags.size * 2 + (self.cover.size if self.cover else 0)


@contextmanager
def prepare_attachments(
    context: ConversionContext,
    probed: ProbedSource,
    time_range: TimeRange,
    picture: cover.Cover | None,
) -> Iterator[Attachments]:
    """Provide the files for as long as the `with` block runs."""
    end = time_range.end if time_range.end is not None else float("inf")
    with ExitStack() as stack:
        tags = stack.enter_context(
            tags_file(
                context.profile,
                ffmetadata.Metadata(
                    {name: "; ".join(values) for name, values in probed.tags.tags.items()},
                    probed.chapters,
                ),
                picture,
                time_range.start,
                end,
                context.warnings,
            )
        )
        attached = None
        if picture is not None and context.profile.cover == "stream":
            attached = stack.enter_context(MemoryFile("cover", cover.wrap_in_flac(picture)))
        yield Attachments(tags, attached)


def extract_cover(context: ConversionContext, probed: ProbedSource) -> cover.Cover | None:
    """Return the cover picture, or None with a warning if it cannot be carried over."""
    pictures, data = probed.log.attached_pictures, probed.tags.picture or b""
    if not pictures and not data:
        return None
    if not context.profile.cover:
        context.warn("cover_dropped", "The cover picture was left out: this format can't hold one.")
        return None
    if probed.tags.picture_count > 1:
        context.warn(
            "pictures_dropped",
            f"Of the file's {probed.tags.picture_count} pictures, only the front cover was kept.",
        )
    if not data:
        with MemoryFile("cover") as output:
            command = commands.extract_cover(context.source.fd, pictures[0], output.fd)
            result = context.inspect(command, output)
            data = output.read(context.limits.max_metadata) if result.ok else b""
    found = cover.parse_cover(data, probed.tags.picture_kind)
    if found is None:
        context.warn(
            "cover_dropped",
            "The cover picture was left out: only JPEG and PNG of up to 12 MiB are carried over.",
        )
    return found
