"""Make an ID3v2.4 tag with mutagen.

Version 2.4, since 2.3 has neither several values of a tag, nor UTF-8, nor frames for sort names and
full dates.
"""

import io
import re
from collections.abc import Sequence

from mutagen import id3

from services.conversion.ffmpeg.ffmetadata import Chapter
from services.conversion.tags.cover import Cover
from services.conversion.tags.id3_frames import MUSICBRAINZ
from services.conversion.tags.names import BY_NAME, free_form_name, name_publisher
from services.conversion.tags.source_tags import Tags

HEADER_SIZE = 10
_UTF_8 = id3.Encoding.UTF8
_LANGUAGE = "eng"
"""Comments and lyrics name a language, which we do not know; players show only this one."""
_MAX_IDENTIFIER = 64
"""Bytes of an identifier (ID3v2.4 frames, 4.1)."""
_INVOLVED = {
    "producer": "producer", "engineer": "engineer", "arranger": "arranger", "mixer": "mix",
    "dj_mixer": "DJ-mix",
}  # fmt: skip
_MAX_TIME = 0xFFFFFFFF
"""Milliseconds, 49 days."""
_MAX_ENTRIES, _TOP_LEVEL, _ORDERED = 255, 2, 1
"""Entries of a table of contents, and its flags."""
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d(:\d\d(:\d\d)?)?)?)?)?")
_COMPACT_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)")
_PERFORMER = re.compile(r"(.*?)(?: \(([^()]+)\))?", re.DOTALL)


def render(tags: Tags, cover: Cover | None, chapters: Sequence[Chapter], padding: int = 0) -> bytes:
    """Return the tag with `padding` zeros behind it. Returns b"" if there is nothing in it."""
    tag = id3.ID3()
    involved = [[_INVOLVED[name], value] for name in _INVOLVED for value in tags.get(name, ())]
    if involved:
        tag.add(id3.TIPL(encoding=_UTF_8, people=involved))
    if "performer" in tags:
        tag.add(id3.TMCL(encoding=_UTF_8, people=[_performer(v) for v in tags["performer"]]))
    for name, written in name_publisher(tags).items():
        if name not in _INVOLVED and name != "performer":
            _add(tag, written, list(tags[name]))
    if cover is not None:
        tag.add(
            id3.APIC(
                encoding=_UTF_8, mime=cover.media_type, type=cover.kind, desc="", data=cover.data
            )
        )
    _add_chapters(tag, chapters)
    if not tag:
        return b""
    file = io.BytesIO()
    tag.save(file, v1=0, v2_version=4, padding=lambda _: padding)
    return file.getvalue()


def _add(tag: id3.ID3, name: str, values: list[str]) -> None:
    field = BY_NAME.get(name)
    frame_id = field.id3 if field else name
    if name == "musicbrainz_recording_id" and _is_ascii(values[0]):
        tag.add(id3.UFID(owner=MUSICBRAINZ, data=values[0].encode()))
        if not (values := values[1:]):
            return
    kind = id3.Frames.get(frame_id)
    if frame_id == "COMM":
        tag.add(id3.COMM(encoding=_UTF_8, lang=_LANGUAGE, desc="", text=["\n".join(values)]))
    elif frame_id == "USLT":
        tag.add(id3.USLT(encoding=_UTF_8, lang=_LANGUAGE, desc="", text="\n\n".join(values)))
    elif kind is not None and issubclass(kind, id3.TimeStampTextFrame):
        _add_date(tag, name, kind, values)
    elif kind is not None and issubclass(kind, id3.TextFrame) and frame_id != "TXXX":
        tag.add(kind(encoding=_UTF_8, text=values))
    elif kind is not None and issubclass(kind, id3.UrlFrame) and all(map(_is_latin, values)):
        _add_urls(tag, name, kind, values)
    else:
        tag.add(id3.TXXX(encoding=_UTF_8, desc=free_form_name(name), text=values))


def _add_urls(tag: id3.ID3, name: str, kind: type[id3.Frame], values: list[str]) -> None:
    """Add the links, and all of them as text if the tag may have only one such frame."""
    for value in values if issubclass(kind, id3.UrlFrameU) else values[:1]:
        tag.add(kind(url=value))
    if len(values) > 1 and not issubclass(kind, id3.UrlFrameU):
        tag.add(id3.TXXX(encoding=_UTF_8, desc=free_form_name(name), text=values))


def _add_date(tag: id3.ID3, name: str, kind: type[id3.Frame], values: list[str]) -> None:
    """Add a time stamp, and what is more than that as text."""
    dates = [date for value in values if (date := _date(value))]
    if dates:
        tag.add(kind(encoding=_UTF_8, text=dates[:1]))
    if dates[:1] != [value.replace(" ", "T") for value in values]:
        tag.add(id3.TXXX(encoding=_UTF_8, desc=free_form_name(name), text=values))


def _date(value: str) -> str:
    """Return the part of a date that a time stamp frame holds."""
    if match := _COMPACT_DATE.fullmatch(value):
        return "-".join(match.groups())
    match = _DATE.match(value)
    return match[0].replace(" ", "T") if match else ""


def _performer(value: str) -> list[str]:
    """Return role and name of "name (role)"."""
    match = _PERFORMER.fullmatch(value)
    return [match[2] or "performer", match[1]] if match else ["performer", value]


def _is_ascii(text: str) -> bool:
    return text.isascii() and len(text) <= _MAX_IDENTIFIER


def _is_latin(text: str) -> bool:
    return all(ord(c) < 256 for c in text)


def _add_chapters(tag: id3.ID3, chapters: Sequence[Chapter]) -> None:
    """Add the chapters and the table of contents that orders them (ID3v2 Chapter Addendum)."""
    names = [f"ch{number}" for number in range(len(chapters))]
    for name, chapter in zip(names, chapters, strict=True):
        title = [id3.TIT2(encoding=_UTF_8, text=[chapter.title])] if chapter.title else []
        tag.add(
            id3.CHAP(
                element_id=name,
                start_time=min(round(chapter.start * 1000), _MAX_TIME),
                end_time=min(round(chapter.end * 1000), _MAX_TIME),
                start_offset=0xFFFFFFFF,
                end_offset=0xFFFFFFFF,
                sub_frames=title,
            )
        )
    if len(names) > _MAX_ENTRIES:  # tables of contents nest
        parts = [names[at : at + _MAX_ENTRIES] for at in range(0, len(names), _MAX_ENTRIES)]
        names = [f"toc{number}" for number in range(len(parts))]
        for name, part in zip(names, parts, strict=True):
            tag.add(_table_of_contents(name, part))
    if names:
        tag.add(_table_of_contents("toc", names, _TOP_LEVEL))


def _table_of_contents(name: str, entries: Sequence[str], flags: int = 0) -> id3.CTOC:
    return id3.CTOC(
        element_id=name, flags=flags | _ORDERED, child_element_ids=list(entries), sub_frames=[]
    )
