"""Prepare tags, chapters and the cover of the output."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from services.conversion.ffmpeg import commands, ffmetadata
from services.conversion.pipeline.chapters import choose_chapters
from services.conversion.pipeline.context import ConversionContext
from services.conversion.pipeline.probe import ProbedSource
from services.conversion.pipeline.tags import prepare_tags
from services.conversion.pipeline.time_range import TimeRange
from services.conversion.storage.memory_file import MemoryFile
from services.conversion.tags import cover
from services.conversion.tags.loudness_tags import Changes
from services.conversion.tags.placement import Placement


@dataclass(frozen=True)
class Attachments:
    """Hold the memory file of tags that FFmpeg reads, and what is put into its output."""

    tags: MemoryFile
    muxer_options: Sequence[str]
    placement: Placement | None

    @property
    def size(self) -> int:
        """Return an upper bound of the bytes that they take at the beginning of the output."""
        return self.tags.size * 2 + (self.placement.size if self.placement else 0)


@contextmanager
def prepare_attachments(
    context: ConversionContext,
    probed: ProbedSource,
    time_range: TimeRange,
    picture: cover.Cover | None,
    changes: Changes,
) -> Iterator[Attachments]:
    """Provide the attachments for as long as the `with` block runs."""
    prepared = prepare_tags(
        context.profile,
        probed.tags.tags,
        picture,
        choose_chapters(context, probed, time_range),
        changes,
        context.warnings,
    )
    with MemoryFile("tags", ffmetadata.render(prepared.for_ffmpeg)) as tags:
        yield Attachments(tags, prepared.muxer_options, prepared.placement)


def extract_cover(context: ConversionContext, probed: ProbedSource) -> cover.Cover | None:
    """Return the cover picture, or None with a warning if it cannot be carried over."""
    pictures, data = probed.log.attached_pictures, probed.tags.picture or b""
    if not pictures and not data:
        return None
    if not context.profile.cover:
        context.warn("cover_dropped", "The cover picture was left out: this format can't hold one.")
        return None
    count, kept = probed.tags.picture_count, "front cover"
    if not data:
        count, kept = len(pictures), "first one"
    if count > 1:
        context.warn(
            "pictures_dropped", f"Of the file's {count} pictures, only the {kept} was kept."
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
            "picture_unsupported",
        )
    elif context.profile.max_cover is not None and len(data) > context.profile.max_cover:
        context.warn(
            "cover_dropped",
            "The cover picture was left out: it is too large for this format.",
            "picture_too_large",
        )
        return None
    return found
