"""Choose the chapters of the output, and warn about those that are left out."""

import os
from collections.abc import Sequence
from dataclasses import replace

from services.conversion.ffmpeg.ffmetadata import Chapter, trim_chapters
from services.conversion.pipeline.context import ConversionContext
from services.conversion.pipeline.probe import ProbedSource
from services.conversion.pipeline.time_range import TimeRange
from services.conversion.tags import legacy_text


def choose_chapters(
    context: ConversionContext, probed: ProbedSource, time_range: TimeRange
) -> Sequence[Chapter]:
    """Return the chapters of the range, with times from its beginning."""
    end = time_range.end if time_range.end is not None else float("inf")
    # Chapters count from the beginning of the file, the range from the first sample.
    removed = 0.0 if context.options.keep_delay else probed.timeline.delay
    found = probed.metadata
    chapters = trim_chapters(
        _decode_titles(found.chapters), time_range.start + removed, end + removed
    )
    if not context.profile.chapters:
        return chapters  # `prepare_tags` warns once for all of them
    kept = chapters[: context.profile.max_chapters]
    if found.lost_chapters or len(kept) < len(chapters):
        count = len(found.chapters) + found.lost_chapters
        context.warn(
            "chapters_dropped",
            f"Of the file's {count:,} chapters, only the first {len(kept):,} were kept.",
            "too_many",
        )
    if found.shortened_titles:
        context.warn("chapter_titles_shortened", "Very long titles of chapters were shortened.")
    return kept


def _decode_titles(chapters: Sequence[Chapter]) -> Sequence[Chapter]:
    """Return the chapters with titles of Unicode; FFmpeg returns the bytes of some as they are."""
    titles = [os.fsencode(chapter.title) for chapter in chapters]
    encoding = legacy_text.find_encoding(title for title in titles if not _is_utf_8(title))
    if encoding is None:
        return chapters
    return [
        replace(chapter, title=legacy_text.decode(title, encoding))
        for chapter, title in zip(chapters, titles, strict=True)
    ]


def _is_utf_8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
