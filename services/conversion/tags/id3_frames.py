"""Read the frames of an ID3v2 tag. The sandboxed reader uses this module."""

from collections.abc import Callable
from typing import Any

from mutagen import id3

from services.conversion.tags.reader_output import TagReaderOutput

MUSICBRAINZ = "http://musicbrainz.org"
"""The owner of the identifiers of recordings."""
_IGNORED_FRAMES = ("PRIV", "MCDI", "CTOC", "PCNT", "NCON", "XRVA", "RGAD")
"""Frames that are left out without a warning: they are of one program or of the source's bytes."""

_OF_CHAPTERS = {
    "APIC": "pictures of chapters", "WXXX": "links of chapters", "TIT3": "subtitles of chapters"
}  # fmt: skip


def add_id3(tags: Any, collected: TagReaderOutput) -> None:
    """Add all frames to the output; `tags` is mutagen's, or None."""
    for frame in (tags or {}).values():
        add = next((add for kind, add in _FRAMES if isinstance(frame, kind)), None)
        if add is not None:
            add(frame, collected)
        elif frame.FrameID not in _IGNORED_FRAMES:
            collected.lost.add(frame.FrameID)


def _add_text(frame: Any, collected: TagReaderOutput, kind: str = "id3", name: str = "") -> None:
    texts = frame.genres if isinstance(frame, id3.TCON) else frame.text
    values = [texts] if isinstance(texts, str) else [str(each) for each in texts]
    is_legacy = frame.encoding == id3.Encoding.LATIN1
    collected.add(kind, name or frame.FrameID, values, is_legacy=is_legacy)


def _add_comment(frame: Any, collected: TagReaderOutput) -> None:
    _add_text(frame, collected, name=f"COMM:{frame.desc}" if frame.desc else "COMM")


def _add_people(frame: Any, collected: TagReaderOutput) -> None:
    is_legacy = frame.encoding == id3.Encoding.LATIN1
    for role, person in frame.people:
        collected.add("role", role, [person], is_legacy=is_legacy)


def _add_identifier(frame: Any, collected: TagReaderOutput) -> None:
    if frame.owner == MUSICBRAINZ:
        collected.add("id3", "UFID", [frame.data.decode("ascii", "replace")])


def _add_chapter(frame: Any, collected: TagReaderOutput) -> None:
    """Read a chapter, and name what it has besides its title.

    FFmpeg loses chapters of ID3v2.4 that have a picture or a title of more than 127 bytes.
    """
    title = frame.sub_frames.get("TIT2")
    text = str(title.text[0]) if title and title.text else ""
    is_legacy = bool(title) and title.encoding == id3.Encoding.LATIN1
    collected.add_chapter(frame.start_time, frame.end_time, text, is_legacy=is_legacy)
    names = {sub_frame.FrameID for sub_frame in frame.sub_frames.values()} - {"TIT2"}
    collected.lost |= {_OF_CHAPTERS.get(name, f"{name} of chapters") for name in names}


def _add_volume(frame: Any, collected: TagReaderOutput) -> None:
    """Read RVA2 as ReplayGain."""
    if frame.desc.lower() in ("track", "album"):
        prefix = f"replaygain_{frame.desc.lower()}"
        collected.add("own", f"{prefix}_gain", [f"{frame.gain:+.2f} dB"])
        collected.add("own", f"{prefix}_peak", [f"{frame.peak:.6f}"])


_FRAMES: tuple[tuple[type, Callable[[Any, TagReaderOutput], None]], ...] = (
    (id3.APIC, lambda frame, collected: collected.add_picture(int(frame.type), frame.data)),
    (id3.TXXX, lambda frame, collected: _add_text(frame, collected, "own", frame.desc)),
    (id3.COMM, _add_comment),
    (id3.USLT, _add_text),
    (id3.PairedTextFrame, _add_people),
    (id3.TextFrame, _add_text),
    (id3.WXXX, lambda frame, collected: collected.add("own", frame.desc or "URL", [frame.url])),
    (id3.UrlFrame, lambda frame, collected: collected.add("id3", frame.FrameID, [frame.url])),
    (id3.UFID, _add_identifier),
    (id3.CHAP, _add_chapter),
    (id3.RVA2, _add_volume),
)
"""Functions that read each kind of frame; the first kind that fits is used."""
