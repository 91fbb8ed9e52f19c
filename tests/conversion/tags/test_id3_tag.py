"""Make an ID3v2.4 tag, and read it with mutagen."""

import io
from typing import Any

from mutagen.id3 import ID3

from services.conversion.ffmpeg.ffmetadata import Chapter
from services.conversion.tags import id3_tag
from services.conversion.tags.id3_frames import add_id3
from services.conversion.tags.reader_output import TagReaderOutput
from services.conversion.tags.source_tags import Tags


def made(tags: Tags, *chapters: Chapter) -> Any:
    return ID3(io.BytesIO(id3_tag.render(tags, None, chapters)))


def test_a_chapter_after_49_days_stops_no_conversion() -> None:
    """The times of CHAP have 32 bits; those of Matroska have 64."""
    tag = made({}, Chapter(1, 2**23, "begins"), Chapter(2**23, 1e10, "is behind"))
    times = [(tag[f"CHAP:ch{n}"].start_time, tag[f"CHAP:ch{n}"].end_time) for n in range(2)]
    assert times == [(1000, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF)]


def test_several_links_are_kept_where_a_tag_may_have_only_one() -> None:
    """Of ID3v2's frames for links, only WCOM and WOAR may occur more than once."""
    links = ["https://a.example", "https://b.example"]
    tag = made({"WCOP": links, "WOAR": links})
    collected = TagReaderOutput()
    add_id3(tag, collected)
    for name in ("WCOP", "WOAR"):
        found = [v for _, _, key, values, _ in collected.tags if key == name for v in values]
        assert list(dict.fromkeys(found)) == links
    assert [frame.url for frame in tag.getall("WCOP")] == links[:1]
