"""Choose the tags and chapters that the output format can hold, and warn about the others."""

from collections.abc import Mapping

from libs.core.domain.conversions import ConversionWarning
from services.conversion.ffmpeg import ffmetadata
from services.conversion.ffmpeg.profiles import EncoderProfile
from services.conversion.pipeline import cover
from services.conversion.storage.memory_file import MemoryFile

_MAX_NAMED = 6
"""Tags that a warning names; the others are counted."""


def tags_for(
    profile: EncoderProfile, tags: Mapping[str, str], warnings: list[ConversionWarning]
) -> dict[str, str]:
    """Return the tags that the format can hold, and add a warning about the others."""
    kept = {
        name: value for name, value in tags.items() if profile.tags is None or name in profile.tags
    }
    lost = [name[:40] for name in tags if name not in kept]
    if lost and not kept and not profile.tags:
        warnings.append(
            ConversionWarning("tags_dropped", "The tags were left out: this format can't hold any.")
        )
    elif lost:
        more = f" and {len(lost) - _MAX_NAMED} more" if len(lost) > _MAX_NAMED else ""
        warnings.append(
            ConversionWarning(
                "tags_dropped",
                "These tags were left out, because this format can't hold them:"
                f" {', '.join(lost[:_MAX_NAMED])}{more}.",
            )
        )
    return kept


def tags_file(
    profile: EncoderProfile,
    found: ffmetadata.Metadata,
    picture: cover.Cover | None,
    start: float,
    end: float,
    warnings: list[ConversionWarning],
) -> MemoryFile:
    """Return for FFmpeg the tags, and the chapters from `start` to `end` seconds."""
    chapters = ffmetadata.trim_chapters(found.chapters, start, end)
    tags = tags_for(profile, found.tags, warnings)
    if profile.chapters == "comments":
        tags |= ffmetadata.chapter_comments(chapters)
    if picture is not None and profile.cover == "comment":
        tags["METADATA_BLOCK_PICTURE"] = cover.encode_picture_comment(picture)
    if not profile.chapters and chapters:
        warnings.append(
            ConversionWarning(
                "chapters_dropped", "The chapters were left out: this format can't hold them."
            )
        )
    return MemoryFile("tags", ffmetadata.render(ffmetadata.Metadata(tags, chapters)))
