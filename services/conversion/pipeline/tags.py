"""What goes along with the sound: tags, chapters, the cover, as memory files for FFmpeg and sentences about what does not."""

from collections.abc import Mapping

from services.conversion.ffmpeg import ffmetadata
from services.conversion.ffmpeg.profiles import EncoderProfile
from services.conversion.pipeline import cover
from services.conversion.storage.memory_file import MemoryFile

_NAMED = 6
"""Tags that a warning names; the rest are counted."""


def tags_for(
    recipe: EncoderProfile, tags: Mapping[str, str], warnings: list[str]
) -> dict[str, str]:
    """Those that the format has a place for; a sentence is added about the others."""
    kept = {
        name: value for name, value in tags.items() if recipe.tags is None or name in recipe.tags
    }
    lost = [name[:40] for name in tags if name not in kept]
    if lost and not kept and not recipe.tags:
        warnings.append("The tags were left out: this format cannot hold any.")
    elif lost:
        more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
        warnings.append(
            f"Some tags were left out, for which this format has no place: {', '.join(lost[:_NAMED])}{more}."
        )
    return kept


def tags_file(
    recipe: EncoderProfile,
    found: ffmetadata.Metadata,
    picture: cover.Cover | None,
    start: float,
    end: float,
    warnings: list[str],
) -> MemoryFile:
    """Tags and chapters of the piece from `start` to `end` seconds, as the new file shall have them."""
    chapters = ffmetadata.trim_chapters(found.chapters, start, end)
    tags = tags_for(recipe, found.tags, warnings)
    if recipe.chapters == "comments":
        tags |= ffmetadata.as_comments(chapters)
    if picture is not None and recipe.cover == "comment":
        tags["METADATA_BLOCK_PICTURE"] = cover.as_comment(picture)
    if not recipe.chapters and chapters:
        warnings.append("The chapters were left out: this format cannot hold them.")
    return MemoryFile("tags", ffmetadata.render(ffmetadata.Metadata(tags, chapters)))
